#include "python/config_layout.h"

#include <algorithm>

#include "base/error.h"

namespace vitrine::python {

namespace {

/// Measured with each version's own headers: tools/config-layout prints a row.
constexpr auto kLayouts = std::to_array<ConfigLayout>({
    {9, 392, 16, 152, 176, 224, 112, 240, 248, 256, 0, 272, 280, 288, 296, 304, 312},
    {10, 392, 16, 152, 180, 232, 240, 256, 272, 280, 0, 296, 304, 312, 320, 328, 336},
    {11, 424, 16, 168, 196, 256, 264, 280, 296, 304, 320, 328, 336, 344, 352, 360, 368},
    {12, 432, 16, 176, 204, 268, 272, 288, 304, 312, 328, 336, 344, 352, 360, 368, 376},
    {13, 448, 16, 176, 204, 272, 280, 296, 312, 320, 336, 344, 352, 360, 368, 376, 384},
});

constexpr const ConfigLayout* find(int minor) {
    const auto* const found = std::ranges::find(kLayouts, minor, &ConfigLayout::minor);
    return found == kLayouts.end() ? nullptr : found;
}

// The row of the version this is compiled with, against its own header.
constexpr const ConfigLayout& kOwn = *find(PY_MINOR_VERSION);
static_assert(kOwn.size == sizeof(PyConfig));
static_assert(kOwn.install_signal_handlers == offsetof(PyConfig, install_signal_handlers));
static_assert(kOwn.site_import == offsetof(PyConfig, site_import));
static_assert(kOwn.write_bytecode == offsetof(PyConfig, write_bytecode));
static_assert(kOwn.pathconfig_warnings == offsetof(PyConfig, pathconfig_warnings));
static_assert(kOwn.program_name == offsetof(PyConfig, program_name));
static_assert(kOwn.home == offsetof(PyConfig, home));
static_assert(kOwn.module_search_paths_set == offsetof(PyConfig, module_search_paths_set));
static_assert(kOwn.module_search_paths == offsetof(PyConfig, module_search_paths));
static_assert(kOwn.executable == offsetof(PyConfig, executable));
static_assert(kOwn.base_executable == offsetof(PyConfig, base_executable));
static_assert(kOwn.prefix == offsetof(PyConfig, prefix));
static_assert(kOwn.base_prefix == offsetof(PyConfig, base_prefix));
static_assert(kOwn.exec_prefix == offsetof(PyConfig, exec_prefix));
static_assert(kOwn.base_exec_prefix == offsetof(PyConfig, base_exec_prefix));
#if PY_MINOR_VERSION >= 11
static_assert(kOwn.stdlib_dir == offsetof(PyConfig, stdlib_dir));
#endif

/// What no field of a fresh PyConfig ends with.
constexpr std::byte kUntouched{0xa5};

}  // namespace

const ConfigLayout& config_layout(int minor) {
    const ConfigLayout* found = find(minor);
    if (found == nullptr) {
        throw Error(concat("Python 3.", minor, " is not supported"),
                    concat("build the rootfs from Python 3.", kLayouts.front().minor, " to 3.",
                           kLayouts.back().minor));
    }
    return *found;
}

void require(const Api& api, const PyStatus& status, const char* doing) {
    if (api.PyStatus_Exception(status) == 0) return;
    throw Error(concat(doing, ": ", status.err_msg != nullptr ? status.err_msg : "unknown error"));
}

Config::Config(const Api& api) : api_(api), layout_(config_layout(api.minor)) {
    bytes_.fill(kUntouched);
    // CPython first sets the whole struct to zero, so it tells how large it takes it to be: a
    // libpython built with other fields, such as that without a global lock, is found here.
    api.PyConfig_InitIsolatedConfig(get());
    const auto last = std::ranges::find_if(bytes_.rbegin(), bytes_.rend(),
                                           [](std::byte byte) { return byte != kUntouched; });
    if (const std::size_t size = static_cast<std::size_t>(bytes_.rend() - last);
        size != layout_.size) {
        throw Error(concat("this libpython's PyConfig has ", size, " bytes where that of Python 3.",
                           layout_.minor, " has ", layout_.size),
                    "build the rootfs from a CPython without changes to its ABI");
    }
}

Config::~Config() {
    api_.PyConfig_Clear(get());
}

void Config::set(std::size_t integer, int value) {
    at<int>(integer) = value;
}

void Config::set(std::size_t string, const std::string& value) {
    require(api_, api_.PyConfig_SetBytesString(get(), &at<wchar_t*>(string), value.c_str()),
            "configuring CPython");
}

void Config::append(std::size_t list, const std::string& value) {
    const std::wstring wide(value.begin(), value.end());
    require(api_, api_.PyWideStringList_Append(&at<PyWideStringList>(list), wide.c_str()),
            "configuring CPython");
}

}  // namespace vitrine::python
