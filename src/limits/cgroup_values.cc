#include "limits/cgroup_values.h"

#include <libcgroup.h>

#include <array>
#include <charconv>
#include <memory>
#include <sstream>

#include "base/error.h"

namespace vitrine::limits {

namespace {

void free_group(cgroup* group) {
    cgroup_free(&group);
}
using Group = std::unique_ptr<cgroup, decltype(&free_group)>;

void require(int outcome, const std::string& doing) {
    if (outcome == 0) return;
    // One code of libcgroup's means "see errno".
    const char* why =
        outcome == ECGOTHER ? cgroup_strerror(cgroup_get_last_errno()) : cgroup_strerror(outcome);
    throw Error(concat(doing, ": ", why));
}

/// libcgroup reads the host's mounts once per process, and again costs nothing.
void start_library() {
    require(cgroup_init(), "starting libcgroup");
}

std::string read_whole(const std::string& path, const char* controller, const char* file) {
    start_library();
    std::array<char, 512> line{};
    std::string name = file;
    void* handle = nullptr;
    std::string text;
    int outcome = cgroup_read_value_begin(controller, path.c_str(), name.data(), &handle,
                                          line.data(), static_cast<int>(line.size()));
    while (outcome == 0) {
        text += line.data();
        outcome = cgroup_read_value_next(&handle, line.data(), static_cast<int>(line.size()));
    }
    if (handle != nullptr) (void)cgroup_read_value_end(&handle);
    return text;
}

}  // namespace

void write_values(const std::string& path, const std::vector<CgroupValue>& values) {
    start_library();
    const Group group(cgroup_new_cgroup(path.c_str()), &free_group);
    if (!group) throw Error(concat("cgroup '", path, "': out of memory"));
    for (const CgroupValue& value : values) {
        cgroup_controller* controller = cgroup_get_controller(group.get(), value.controller);
        if (controller == nullptr)
            controller = cgroup_add_controller(group.get(), value.controller);
        if (controller == nullptr) {
            throw Error(concat("cgroup '", path, "': no controller ", value.controller));
        }
        require(cgroup_add_value_string(controller, value.file, value.value.c_str()),
                concat("cgroup '", path, "': ", value.file));
    }
    require(cgroup_modify_cgroup(group.get()), concat("writing the limits of cgroup '", path, "'"));
}

std::optional<std::uint64_t> read_number(const std::string& path, const char* controller,
                                         const char* file) {
    const std::string text = read_whole(path, controller, file);
    std::uint64_t value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() ? std::optional(value) : std::nullopt;
}

std::map<std::string, std::uint64_t> read_counters(const std::string& path, const char* controller,
                                                   const char* file) {
    std::istringstream words(read_whole(path, controller, file));
    std::map<std::string, std::uint64_t> counters;
    std::string key;
    for (std::uint64_t value = 0; words >> key >> value;)
        counters[key] = value;
    return counters;
}

}  // namespace vitrine::limits
