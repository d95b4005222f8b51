// under-filter CALL[,CALL...] ERRNO PROGRAM ARGS...: runs a program under a seccomp filter that
// refuses the named system calls, as a container's does. Nothing of Vitrine is in it.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::array<std::pair<const char*, unsigned>, 5> kCalls{{{"clone3", SYS_clone3},
                                                                  {"unshare", SYS_unshare},
                                                                  {"mount", SYS_mount},
                                                                  {"setns", SYS_setns},
                                                                  {"move_mount", SYS_move_mount}}};

unsigned number_of(const std::string& name) {
    for (const auto& [known, number] : kCalls) {
        if (name == known) return number;
    }
    std::fprintf(stderr, "under-filter: unknown call '%s'\n", name.c_str());
    std::exit(125);
}

std::vector<sock_filter> filter_for(const std::string& names, unsigned error_number) {
    std::vector<sock_filter> code{{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)}};
    std::istringstream list(names);
    for (std::string name; std::getline(list, name, ',');) {
        code.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number_of(name)});
        code.push_back({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error_number});
    }
    code.push_back({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW});
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 125;
    std::vector<sock_filter> code =
        filter_for(argv[1], static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)));
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        std::perror("under-filter");
        return 125;
    }
    ::execv(argv[3], argv + 3);
    std::perror("under-filter");
    return 125;
}
