#include "runtime/host_facts.h"

#include <gnu/libc-version.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"

namespace vitrine::runtime {

namespace {

constexpr std::size_t kMaxAnswer = 65536;

std::optional<std::uint64_t> read_number(const std::string& path) {
    std::ifstream file(path);
    std::uint64_t number = 0;
    return file >> number ? std::optional(number) : std::nullopt;
}

std::string read_word(const std::string& path) {
    std::ifstream file(path);
    std::string word;
    file >> word;
    return word;
}

void read_mounts(const std::string& path, HostFacts& facts) {
    std::ifstream file(path);
    bool has_root = false;
    bool has_line = false;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string skipped;
        std::string point;
        words >> skipped >> skipped >> skipped >> skipped >> point;
        has_line = true;
        has_root = has_root || point == "/";
        // Directories that are always empty below hide nothing.
        if (point.starts_with("/proc/") && !point.starts_with("/proc/sys/fs/binfmt_misc"))
            facts.proc_masks.push_back(point);
    }
    facts.is_chrooted = has_line && !has_root;
}

bool is_mapped(const std::string& path, std::uint32_t id) {
    std::ifstream map(path);
    std::uint64_t inside = 0;
    std::uint64_t outside = 0;
    for (std::uint64_t count = 0; map >> inside >> outside >> count;) {
        if (id >= inside && id - inside < count) return true;
    }
    return false;
}

std::string own_kernel() {
    utsname names{};
    check(::uname(&names), "asking for the kernel's version", "uname");
    return static_cast<const char*>(names.release);
}

/// One line a call: `clone3 38`.
void tell_refused_calls(int answer_fd) {
    std::string text;
    for (const kernel::RefusedCall& call : kernel::refused_calls())
        text += concat(call.name, " ", call.error_number, "\n");
    write_all(answer_fd, text);
}

/// fork(2), since clone3 may be what is refused.
std::vector<kernel::RefusedCall> ask_for_refused_calls() {
    Pipe answer = make_pipe();
    const pid_t pid = check(::fork(), "starting a process", "fork");
    if (pid == 0) {
        try {
            tell_refused_calls(answer.write_end.get());
        } catch (const Error&) {
            ::_exit(1);
        }
        ::_exit(0);
    }
    answer.write_end.reset();
    std::istringstream text(read_all(answer.read_end.get(), kMaxAnswer));
    (void)!::waitpid(pid, nullptr, 0);
    std::vector<kernel::RefusedCall> refused;
    for (kernel::RefusedCall call; text >> call.name >> call.error_number;)
        refused.push_back(call);
    return refused;
}

}  // namespace

HostFacts read_host_facts(const std::string& root) {
    const std::string sysctl = root + "/proc/sys/";
    HostFacts facts;
    facts.kernel = read_word(sysctl + "kernel/osrelease");
    for (const char* kind : {"user", "pid", "net", "mnt", "ipc", "uts", "cgroup"}) {
        const auto limit = read_number(concat(sysctl, "user/max_", kind, "_namespaces"));
        if (limit) facts.namespaces[kind] = *limit;
    }
    facts.userns_clone = read_number(sysctl + "kernel/unprivileged_userns_clone");
    facts.apparmor_restriction =
        read_number(sysctl + "kernel/apparmor_restrict_unprivileged_userns");
    facts.memfd_noexec = read_number(sysctl + "vm/memfd_noexec");
    const std::string profile = read_word(root + "/proc/self/attr/current");
    if (profile != "unconfined") facts.apparmor_profile = profile;
    read_mounts(root + "/proc/self/mountinfo", facts);
    facts.libc = ::gnu_get_libc_version();
    return facts;
}

HostFacts look_around() {
    HostFacts facts = read_host_facts();
    if (facts.kernel.empty()) facts.kernel = own_kernel();
    facts.program = executable_directory() + "/vitrine";
    facts.uid = ::geteuid();
    facts.is_id_mapped = is_mapped("/proc/self/uid_map", facts.uid);
    facts.has_outer_filter = kernel::has_seccomp_filter();
    facts.refused_calls = ask_for_refused_calls();
    return facts;
}

}  // namespace vitrine::runtime
