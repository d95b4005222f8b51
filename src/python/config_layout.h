// Where the fields of a PyConfig are: it has another layout in every minor version of CPython, and
// the libpython that is loaded need not be the one whose Python.h this was compiled with.
//
// The rest of what Vitrine shares with libpython in memory has been the same since 3.9:
// PyPreConfig, PyStatus, PyCompilerFlags, PyMethodDef, PyWideStringList, the heads of PyObject and
// PyTypeObject, bytes.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "python/api.h"

namespace vitrine::python {

/// Offsets of the fields Vitrine sets, in bytes. Within a minor version they are part of CPython's
/// ABI.
struct ConfigLayout {
    int minor;  ///< Of 3.minor.
    std::size_t size;
    std::size_t install_signal_handlers;
    std::size_t site_import;
    std::size_t write_bytecode;
    std::size_t pathconfig_warnings;
    std::size_t program_name;
    std::size_t home;
    std::size_t module_search_paths_set;
    std::size_t module_search_paths;
    std::size_t stdlib_dir;  ///< 0 where there is none (before 3.11).
    std::size_t executable;
    std::size_t base_executable;
    std::size_t prefix;
    std::size_t base_prefix;
    std::size_t exec_prefix;
    std::size_t base_exec_prefix;
};

/// Throws Error for a minor version that is not known.
const ConfigLayout& config_layout(int minor);

/// An isolated PyConfig of the loaded libpython, whichever minor version that is.
class Config {
  public:
    /// Throws Error when the library's own idea of the size is not the layout's.
    explicit Config(const Api& api);
    ~Config();
    Config(const Config&) = delete;
    Config& operator=(const Config&) = delete;

    const ConfigLayout& layout() const noexcept { return layout_; }
    PyConfig* get() noexcept { return reinterpret_cast<PyConfig*>(bytes_.data()); }

    /// Each takes the offset of a field of that type.
    void set(std::size_t integer, int value);
    void set(std::size_t string, const std::string& value);
    void append(std::size_t list, const std::string& value);

  private:
    template <typename Field>
    Field& at(std::size_t offset) {
        return *reinterpret_cast<Field*>(bytes_.data() + offset);
    }

    const Api& api_;
    const ConfigLayout& layout_;
    alignas(std::max_align_t) std::array<std::byte, 1024> bytes_;
};

/// Throws Error unless CPython succeeded.
void require(const Api& api, const PyStatus& status, const char* doing);

}  // namespace vitrine::python
