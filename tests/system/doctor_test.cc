// `vitrine doctor`: each failure is made real around it, never imitated. What no machine of ours
// can show is in tests/unit/runtime/diagnosis_test.cc; what takes a kernel of its own, in tests/vm.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "base/error.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

struct Said {
    int exit_code = -1;
    Json checks;
    std::string raw;

    Json check(const std::string& name) const {
        for (const Json& check : checks) {
            if (check["name"] == name) return check;
        }
        return {};
    }
    /// `verdict cause` of a check, as one word to compare.
    std::string of(const std::string& name) const {
        const Json found = check(name);
        if (found.is_null()) return "not tried";
        const std::string cause = found["cause"].is_null() ? "" : found["cause"];
        return concat(found["verdict"].get<std::string>(), cause.empty() ? "" : " ", cause);
    }
};

Said read_answer(const Answer& answer) {
    Said said{.exit_code = answer.exit_code, .checks = {}, .raw = answer.out + answer.err};
    try {
        const Json json = Json::parse(answer.out);
        EXPECT_EQ(json["schema"], "vitrine.doctor.v1");
        EXPECT_EQ(json["ok"], answer.exit_code == 0);
        said.checks = json["checks"];
    } catch (const Json::exception&) {
        ADD_FAILURE() << said.raw;
    }
    return said;
}

Said doctor(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"doctor", "--json"});
    return read_answer(run_vitrine({.arguments = flags}));
}

/// Runs the shell code `prepare` and then, in the same process, vitrine with `words`.
Answer after(const std::vector<std::string>& unshare_flags, const std::string& prepare,
             const std::vector<std::string>& words) {
    std::vector<std::string> arguments = unshare_flags;
    const std::string code = concat("set -e; ", prepare, "\nexec \"$0\" \"$@\"");
    arguments.insert(arguments.end(), {"/bin/sh", "-c", code, vitrine_path()});
    arguments.insert(arguments.end(), words.begin(), words.end());
    return run_program("/usr/bin/unshare", {.arguments = arguments});
}

Said doctor_after(const std::vector<std::string>& unshare_flags, const std::string& prepare) {
    return read_answer(after(unshare_flags, prepare, {"doctor", "--json"}));
}

/// The same host, and what a run says on it: `cause` of its error.
std::string run_after(const std::vector<std::string>& unshare_flags, const std::string& prepare) {
    const Answer answer = after(unshare_flags, prepare, {"run", "--result", "-", "-c", "print(1)"});
    const Json error = answer.result()["error"];
    if (!error.is_object()) return "ran";
    // People are told of the remedy as well.
    EXPECT_NE(answer.err.find("hint: "), std::string::npos) << answer.err;
    return error["cause"].is_null() ? "unknown" : error["cause"].get<std::string>();
}

Said doctor_under_filter(const std::string& calls, int error_number) {
    return read_answer(run_program(
        VITRINE_UNDER_FILTER,
        {.arguments = {calls, std::to_string(error_number), vitrine_path(), "doctor", "--json"}}));
}

// ── the control: here everything works ──

TEST(Doctor, FindsThatProgramsRunHere) {
    const Said said = doctor();
    EXPECT_EQ(said.exit_code, 0) << said.raw;
    for (const char* name : {"system-calls", "user-namespaces", "namespaces", "network", "mounts",
                             "proc", "program", "seccomp", "rootfs", "pythons", "launch"}) {
        EXPECT_EQ(said.of(name), "pass") << name << "\n" << said.raw;
    }
    for (const Json& check : said.checks) {
        EXPECT_EQ(check["cause"].is_null(), check["verdict"] == "pass") << check;
        EXPECT_EQ(check["remedy"].is_null(), check["verdict"] == "pass") << check;
    }
}

TEST(Doctor, SaysTheSameToPeople) {
    const Answer answer = run_vitrine({.arguments = {"doctor"}});
    EXPECT_EQ(answer.exit_code, 0) << answer.out << answer.err;
    EXPECT_NE(answer.out.find("PASS     user-namespaces"), std::string::npos) << answer.out;
    EXPECT_NE(answer.out.find("Programs can be run on this host"), std::string::npos);
    const Answer failing = run_vitrine({.arguments = {"doctor", "--rootfs", "/nowhere"}});
    EXPECT_EQ(failing.exit_code, 1);
    EXPECT_NE(failing.out.find("FAIL     rootfs           rootfs '/nowhere' does not exist\n"
                               "         remedy: build one: vitrine rootfs build -o /nowhere\n"
                               "         see:    docs/troubleshooting.md, rootfs-missing\n"),
              std::string::npos)
        << failing.out;
    EXPECT_NE(failing.out.find("No program can be run on this host: 1 failed"), std::string::npos);
}

TEST(Doctor, CautionsAreWhatAResultCallsDegraded) {
    const Said said = doctor();
    const Json degraded = result_of("pass")["isolation"]["degraded"];
    const std::vector<std::pair<const char*, const char*>> layers{{"cgroup", "cgroup"},
                                                                  {"landlock", "landlock"},
                                                                  {"groups", "groups"},
                                                                  {"memfd", "memfd_noexec"}};
    for (const auto& [check, layer] : layers) {
        const bool is_degraded =
            degraded.dump().find(concat("\"", layer, "\"")) != std::string::npos;
        EXPECT_EQ(said.of(check).starts_with("caution"), is_degraded) << check << said.raw;
    }
}

TEST(Doctor, RefusesWhatItDoesNotKnow) {
    const Answer answer = run_vitrine({.arguments = {"doctor", "--colour"}});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_NE(answer.err.find("doctor --help"), std::string::npos) << answer.err;
    const Answer help = run_vitrine({.arguments = {"doctor", "--help"}});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_NE(help.out.find("Examples:"), std::string::npos);
}

// ── namespaces ──

TEST(Doctor, SeesThatNoUserNamespaceMayBeMade) {
    const std::string off = "echo 0 >/proc/sys/user/max_user_namespaces";
    const Said said = doctor_after({"-Ur"}, off);
    EXPECT_EQ(said.exit_code, 1);
    EXPECT_EQ(said.of("user-namespaces"), "fail userns-limit") << said.raw;
    EXPECT_EQ(said.of("namespaces"), "not tried");
    EXPECT_EQ(said.of("launch"), "not tried");
    EXPECT_EQ(run_after({"-Ur"}, off), "userns-limit");
    EXPECT_EQ(doctor_after({"-Ur"}, ":").exit_code, 0);  // Control.
}

TEST(Doctor, SeesThatNoNetworkNamespaceMayBeMade) {
    const std::string off = "echo 0 >/proc/sys/user/max_net_namespaces";
    const Said said = doctor_after({"-Ur"}, off);
    EXPECT_EQ(said.of("user-namespaces"), "pass") << said.raw;
    EXPECT_EQ(said.of("namespaces"), "fail namespace-limit") << said.raw;
    EXPECT_EQ(said.check("namespaces")["remedy"].get<std::string>().substr(0, 41),
              "sysctl -w user.max_net_namespaces=15000; ");
    EXPECT_EQ(run_after({"-Ur"}, off), "namespace-limit");
}

TEST(Doctor, SeesThatItsCallerIsNobodyHere) {
    const Said said = doctor_after({"-U"}, ":");
    EXPECT_EQ(said.of("user-namespaces"), "fail id-unmapped") << said.raw;
    EXPECT_EQ(run_after({"-U"}, ":"), "id-unmapped");
}

/// A root that is no mount, with the host's directories in it.
TEST(Doctor, SeesThatItIsInAChroot) {
    const Scratch scratch;
    const std::string prepare = concat("cd ", scratch.path(), R"sh(
for entry in /*; do
    name=${entry#/}
    if [ -L $entry ]; then ln -s "$(readlink $entry)" $name
    elif [ -d $entry ]; then mkdir $name && mount --rbind $entry $name
    fi
done
exec chroot . "$0" "$@")sh");
    EXPECT_EQ(doctor_after({"-Urm"}, prepare).of("user-namespaces"), "fail chroot");
}

// ── what is around ──

TEST(Doctor, SeesThatProcIsMasked) {
    const std::string mask = "mount --bind /dev/null /proc/version";
    const Said said = doctor_after({"-Urm"}, mask);
    EXPECT_EQ(said.exit_code, 1);
    EXPECT_EQ(said.of("mounts"), "pass") << said.raw;
    EXPECT_EQ(said.of("proc"), "fail proc-masked") << said.raw;
    EXPECT_NE(said.check("proc")["found"].get<std::string>().find("'/proc/version'"),
              std::string::npos);
    EXPECT_NE(said.check("proc")["remedy"].get<std::string>().find("systempaths=unconfined"),
              std::string::npos);
    EXPECT_EQ(run_after({"-Urm"}, mask), "proc-masked");
    EXPECT_EQ(doctor_after({"-Urm"}, ":").of("proc"), "pass");  // Control.
}

TEST(Doctor, SeesAFilterAroundThatRefusesClone3) {
    const Said said = doctor_under_filter("clone3", ENOSYS);
    EXPECT_EQ(said.exit_code, 1);
    EXPECT_EQ(said.of("system-calls"), "fail outer-seccomp") << said.raw;
    EXPECT_EQ(said.of("user-namespaces"), "fail outer-seccomp") << said.raw;
    EXPECT_NE(said.check("system-calls")["found"].get<std::string>().find("refuses clone3"),
              std::string::npos);
}

TEST(Doctor, SeesAFilterAroundThatRefusesMountsAndNamespaces) {
    const Said said = doctor_under_filter("mount,unshare", EPERM);
    EXPECT_EQ(said.of("system-calls"), "fail outer-seccomp") << said.raw;
    EXPECT_NE(said.check("system-calls")["found"].get<std::string>().find("unshare, mount"),
              std::string::npos)
        << said.raw;
    EXPECT_EQ(said.of("namespaces"), "fail outer-seccomp");
    EXPECT_EQ(said.of("mounts"), "fail outer-seccomp");
    const Answer run = run_program(
        VITRINE_UNDER_FILTER,
        {.arguments = {"mount,unshare", "1", vitrine_path(), "run", "--result", "-", "-c", "1"}});
    EXPECT_EQ(run.result()["error"]["cause"], "outer-seccomp") << run.out;
}

/// Under a filter that is in nobody's way.
TEST(Doctor, DoesNotBlameAFilterThatLetsEverythingThrough) {
    const Said said = doctor_under_filter("", EPERM);
    EXPECT_EQ(said.exit_code, 0) << said.raw;
    EXPECT_NE(said.check("system-calls")["found"].get<std::string>().find("filter around"),
              std::string::npos);
}

TEST(Doctor, SeesThatCgroupsAreReadOnly) {
    const Said said = doctor_after({"-Urm"}, R"(
place=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
mount -o remount,bind,ro,nosuid,nodev,noexec,relatime $place)");
    EXPECT_EQ(said.exit_code, 0) << said.raw;
    EXPECT_EQ(said.of("cgroup"), "caution cgroup-read-only") << said.raw;
}

/// Only root of the host may set it, and kernels before 6.3 have none.
TEST(Doctor, SeesThatNothingMayRunFromMemory) {
    const bool can_be_set = ::geteuid() == 0 && fs::exists("/proc/sys/vm/memfd_noexec");
    const std::string set = can_be_set ? "echo 2 >/proc/sys/vm/memfd_noexec" : ":";
    const Said said = doctor_after({"-Urpf", "--mount-proc"}, set);
    EXPECT_EQ(said.of("program"), can_be_set ? "fail memfd-noexec" : "pass") << said.raw;
}

// ── rootfs ──

std::string default_rootfs() {
    return (fs::path(vitrine_path()).parent_path() / "rootfs/minimal").string();
}

/// Nothing but what a rootfs says about itself, `edit`ed.
void describe_only(const Scratch& scratch, const std::string& from, const std::string& to) {
    fs::create_directory(scratch.path() + "/.vitrine");
    for (const char* file : {"/.vitrine/python.json", "/.vitrine/manifest.json"}) {
        std::stringstream text;
        text << std::ifstream(default_rootfs() + file).rdbuf();
        std::ofstream(scratch.path() + file)
            << std::regex_replace(text.str(), std::regex(from), to);
    }
}

TEST(Doctor, TellsApartWhatCanBeWrongWithARootfs) {
    const Scratch empty;
    const Said foreign = doctor({"--rootfs", empty.path()});
    EXPECT_EQ(foreign.exit_code, 1);
    EXPECT_EQ(foreign.of("rootfs"), "fail rootfs-foreign") << foreign.raw;
    EXPECT_NE(foreign.check("rootfs")["notes"].dump().find("would not do"), std::string::npos);

    const Scratch old;
    describe_only(old, "\"version\": ?\"3\\.[0-9]+\\.[0-9]+\"", "\"version\": \"3.7.3\"");
    EXPECT_EQ(doctor({"--rootfs", old.path()}).of("rootfs"), "fail rootfs-python");

    const Scratch damaged;
    describe_only(damaged, "nothing to change", "");
    const Said missing = doctor({"--rootfs", damaged.path()});
    EXPECT_EQ(missing.of("rootfs"), "fail rootfs-damaged") << missing.raw;
    EXPECT_NE(missing.check("rootfs")["found"].get<std::string>().find("more differences"),
              std::string::npos);
    EXPECT_EQ(result_of("pass", {"--rootfs", empty.path()})["error"]["cause"], "rootfs-foreign");
}

TEST(Doctor, AsksEveryPythonInPath) {
    const Scratch scratch;
    const std::string fake = scratch.write("python3", "#!/bin/sh\nexit 3\n");
    ::chmod(fake.c_str(), 0755);
    const Said said =
        read_answer(run_vitrine({.arguments = {"doctor", "--json"},
                                 .environment = {{"PATH", scratch.path() + ":/usr/bin:/bin"}}}));
    EXPECT_EQ(said.of("pythons"), "pass") << said.raw;
    const std::string notes = said.check("pythons")["notes"].dump();
    EXPECT_NE(notes.find("not usable: '" + fake + "' ended with exit code 3"), std::string::npos)
        << notes;
    EXPECT_NE(notes.find("usable: '/usr/bin/python3"), std::string::npos) << notes;
}

}  // namespace
}  // namespace vitrine::test
