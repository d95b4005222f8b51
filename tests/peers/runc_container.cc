#include "peers/runc_container.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {

namespace {

constexpr std::size_t kMaxFile = std::size_t{4} << 20;
constexpr const char* kContainer = "vitrine-peer";

using Programs = std::vector<std::vector<sock_filter>>;

Answer run_shell(const std::string& script, std::vector<std::string> arguments) {
    std::vector<std::string> words{"-euc", script, "sh"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run_program("/bin/sh", {.arguments = words});
}

void write_executable(const Scratch& scratch, const std::string& name, const std::string& text) {
    check(::chmod(scratch.write(name, text).c_str(), 0755), "making a script", "chmod");
}

/// Attached for as long as it lives.
class Tracer {
  public:
    explicit Tracer(pid_t pid) : pid_(pid) {
        check(::ptrace(PTRACE_ATTACH, pid, 0, 0), "attaching to the container", "ptrace");
        check(::waitpid(pid, nullptr, __WALL), "waiting for the container to stop", "waitpid");
    }
    ~Tracer() { (void)::ptrace(PTRACE_DETACH, pid_, 0, 0); }
    Tracer(const Tracer&) = delete;
    Tracer& operator=(const Tracer&) = delete;

    Programs filters() const {
        Programs programs;
        for (long index = 0;; ++index) {
            const long length = ::ptrace(PTRACE_SECCOMP_GET_FILTER, pid_, index, nullptr);
            if (length < 0 && errno == ENOENT) return programs;
            check(length, "reading the container's filter", "ptrace(PTRACE_SECCOMP_GET_FILTER)");
            std::vector<sock_filter> program(static_cast<std::size_t>(length));
            check(::ptrace(PTRACE_SECCOMP_GET_FILTER, pid_, index, program.data()),
                  "reading the container's filter", "ptrace(PTRACE_SECCOMP_GET_FILTER)");
            programs.push_back(std::move(program));
        }
    }

  private:
    pid_t pid_;
};

/// In a mount namespace of its own, where /sys/fs/cgroup is cgroup v2 alone: what runc takes.
constexpr const char* kRunc = R"(
cd "$1"
shift
exec unshare --mount --propagation private sh -euc '
    umount -R /sys/fs/cgroup
    mount -t cgroup2 none /sys/fs/cgroup
    exec runc --root state "$@"' runc "$@" </dev/null >log 2>&1
)";

class Container {
  public:
    explicit Container(const nlohmann::json& seccomp) {
        std::filesystem::create_directories(scratch_.path() + "/rootfs/proc");
        std::filesystem::copy_file(VITRINE_GUEST, scratch_.path() + "/rootfs/guest");
        scratch_.write("config.json", configuration(seccomp).dump());
        runc({"run", "--detach", "--pid-file", "pid", kContainer});
        pid_ = std::stoi(read_file(scratch_.path() + "/pid", kMaxFile));
    }
    ~Container() {
        (void)::kill(pid_, SIGKILL);
        try {
            runc({"delete", "--force", kContainer});
        } catch (const std::exception&) {
            // The guest is dead, or will be in a minute; what is left is a line in the test's log.
            std::fprintf(stderr, "runc could not delete its container\n");
        }
    }
    Container(const Container&) = delete;
    Container& operator=(const Container&) = delete;

    Programs filters() const { return Tracer(pid_).filters(); }

  private:
    static nlohmann::json configuration(const nlohmann::json& seccomp) {
        nlohmann::json configuration = nlohmann::json::parse(R"({
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "args": ["/guest"], "env": [], "cwd": "/",
                        "noNewPrivileges": true, "capabilities": {}},
            "root": {"path": "rootfs", "readonly": true},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"},
                                     {"type": "ipc"}, {"type": "uts"}]}})");
        configuration["linux"]["seccomp"] = seccomp;
        return configuration;
    }

    void runc(std::vector<std::string> words) const {
        words.insert(words.begin(), scratch_.path());
        if (run_shell(kRunc, words).exit_code == 0) return;
        throw Error(concat("runc ", words[1], ": ", read_file(scratch_.path() + "/log", kMaxFile)));
    }

    Scratch scratch_;
    pid_t pid_ = 0;
};

}  // namespace

nlohmann::json podman_resolves(const std::string& profile_path) {
    const Scratch scratch;
    const std::string& place = scratch.path();
    std::filesystem::create_directories(place + "/rootfs");
    std::filesystem::copy_file(VITRINE_GUEST, place + "/rootfs/guest");
    // A runtime that keeps the configuration it is given and starts nothing.
    write_executable(scratch, "runtime",
                     concat("#!/bin/sh\nwhile [ $# -gt 0 ]; do\n"
                            "    [ \"$1\" != --bundle ] || cp \"$2/config.json\" ",
                            place, "/config.json\n    shift\ndone\nexit 1\n"));
    const std::string storage =
        scratch.write("storage.conf", concat("[storage]\ndriver = \"vfs\"\nrunroot = \"", place,
                                             "/run\"\ngraphroot = \"", place, "/graph\"\n"));
    const Answer answer =
        run_program("/usr/bin/podman", {.arguments = {"--root",
                                                      place + "/graph",
                                                      "--runroot",
                                                      place + "/run",
                                                      "--tmpdir",
                                                      place + "/tmp",
                                                      "--storage-driver",
                                                      "vfs",
                                                      "--runtime",
                                                      place + "/runtime",
                                                      "--cgroup-manager",
                                                      "cgroupfs",
                                                      "--events-backend",
                                                      "none",
                                                      "run",
                                                      "--rm",
                                                      "--network",
                                                      "none",
                                                      "--cap-drop",
                                                      "ALL",
                                                      "--security-opt",
                                                      "seccomp=" + profile_path,
                                                      "--rootfs",
                                                      place + "/rootfs",
                                                      "/guest"},
                                        .environment = {{"CONTAINERS_STORAGE_CONF", storage}}});
    if (!std::filesystem::exists(place + "/config.json"))
        throw Error(concat("podman made no configuration: ", answer.err));
    return nlohmann::json::parse(read_file(place + "/config.json", kMaxFile))["linux"]["seccomp"];
}

std::vector<std::vector<sock_filter>> runc_installs(const nlohmann::json& seccomp) {
    return Container(seccomp).filters();
}

}  // namespace vitrine::test
