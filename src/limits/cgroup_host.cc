#include "limits/cgroup_host.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "base/error.h"

namespace vitrine::limits {

namespace {

/// One line of mountinfo: "36 35 98:0 /root /mount/point options - type source super-options".
struct Mount {
    std::string root;
    std::string point;
    std::string options;
    std::string type;
    std::string super_options;
};

Mount parse_mount(const std::string& line) {
    Mount mount;
    const std::size_t separator = line.find(" - ");
    if (separator == std::string::npos) return mount;
    std::string skipped;
    std::istringstream words(line);
    words >> skipped >> skipped >> skipped >> mount.root >> mount.point >> mount.options;
    std::istringstream rest(line.substr(separator + 3));
    rest >> mount.type >> skipped >> mount.super_options;
    return mount;
}

bool says_read_only(const std::string& options) {
    return options == "ro" || options.starts_with("ro,");
}

/// Reads the first cgroup v2 mount; returns the cgroup that it shows as its top.
std::string read_mounts(const std::string& path, CgroupHost& host) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const Mount mount = parse_mount(line);
        if (mount.type != "cgroup2") continue;
        host.mount_point = mount.point;
        host.is_read_only = says_read_only(mount.options) || says_read_only(mount.super_options);
        return mount.root;
    }
    return "/";
}

void take_v1_controllers(const std::string& names, CgroupHost& host) {
    std::istringstream list(names);
    for (std::string name; std::getline(list, name, ',');) {
        if (!name.empty() && !name.starts_with("name=")) host.v1_controllers.push_back(name);
    }
}

void read_own_cgroup(const std::string& path, CgroupHost& host) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        // "0::/path" in v2, "4:cpu,cpuacct:/path" in v1
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        if (line.starts_with("0:")) {
            host.own_path = line.substr(second + 1);
        } else {
            take_v1_controllers(line.substr(first + 1, second - first - 1), host);
        }
    }
}

/// A container that sees the host's names has only its own part mounted.
std::string below_mount(const std::string& path, const std::string& mount_root) {
    if (mount_root != "/" && path.starts_with(mount_root)) return path.substr(mount_root.size());
    return path == "/" ? "" : path;
}

}  // namespace

CgroupHost look_at_host(const CgroupSources& sources) {
    CgroupHost host;
    const std::string mount_root = read_mounts(sources.mountinfo, host);
    read_own_cgroup(sources.own_cgroup, host);
    host.own_path = below_mount(host.own_path, mount_root);
    host.has_systemd = ::access(sources.systemd.c_str(), F_OK) == 0;
    return host;
}

std::vector<std::string> read_words(const std::string& directory, const char* file) {
    std::ifstream text(concat(directory, "/", file));
    std::vector<std::string> words;
    for (std::string word; text >> word;)
        words.push_back(word);
    return words;
}

std::vector<std::string> missing_from(const std::vector<std::string>& present,
                                      const std::vector<std::string>& wanted) {
    std::vector<std::string> missing;
    std::ranges::copy_if(wanted, std::back_inserter(missing), [&](const std::string& name) {
        return std::ranges::find(present, name) == present.end();
    });
    return missing;
}

bool is_alone_in(const std::string& directory) {
    const std::string own = std::to_string(::getpid());
    return std::ranges::all_of(read_words(directory, "cgroup.procs"),
                               [&](const std::string& pid) { return pid == own; });
}

bool is_marked_delegated(const std::string& directory) {
    // systemd sets both; the first can only be read by root.
    return std::ranges::any_of(
        std::to_array({"trusted.delegate", "user.delegate"}), [&](const char* name) {
            char mark = 0;
            return ::getxattr(directory.c_str(), name, &mark, sizeof mark) == 1 && mark == '1';
        });
}

bool may_manage(const std::string& directory) {
    return std::ranges::all_of(
        std::to_array({"", "/cgroup.procs", "/cgroup.subtree_control"}),
        [&](const char* file) { return ::access(concat(directory, file).c_str(), W_OK) == 0; });
}

}  // namespace vitrine::limits
