// Snapshots on another kernel and processor than the build's, with real cgroup v2 controllers.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "limits/cgroup_tree.h"
#include "support/programs.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGoesOn = "going on from the rootfs's snapshot";

bool says(const Answer& answer, const std::string& text) {
    return answer.err.find(text) != std::string::npos;
}

/// A copy of the default rootfs, whose snapshot is made here.
class SnapshotHere : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        // Below a delegation this process has to make room first: what holds processes is no
        // parent.
        ASSERT_TRUE(limits::CgroupTree::discover());
    }

    SnapshotHere() {
        fs::copy(fs::path(vitrine_path()).parent_path() / "rootfs/minimal", rootfs_,
                 fs::copy_options::recursive | fs::copy_options::copy_symlinks);
        const Answer before = run("print(1)", {"--verbose"});
        EXPECT_EQ(before.out, "1\n") << before.err;
        EXPECT_FALSE(says(before, kGoesOn)) << before.err;
        const Answer made = run_vitrine({.arguments = {"rootfs", "snapshot", rootfs_}});
        EXPECT_EQ(made.exit_code, 0) << made.err;
    }

    Answer run(const std::string& code, std::vector<std::string> flags) const {
        flags.insert(flags.end(), {"--no-validate", "--rootfs", rootfs_, "--require", "cgroup"});
        return run_code(code, flags);
    }

    nlohmann::json result(const std::string& code, std::vector<std::string> flags) const {
        flags.insert(flags.end(), {"--result", "-"});
        return run(code, flags).result();
    }

    Scratch scratch_;
    std::string rootfs_ = scratch_.path() + "/root";
};

TEST_F(SnapshotHere, IsGoneOnFrom) {
    constexpr const char* kProgram = R"(
import os, threading, time
open("/tmp/now", "w").close()
assert abs(os.stat("/tmp/now").st_mtime - time.time()) < 5
began = time.perf_counter()
time.sleep(0.1)
assert 0.09 < time.perf_counter() - began < 5
thread = threading.Thread(target=print, args=("thread",))
thread.start()
thread.join()
pid = os.fork()
if pid == 0:
    os._exit(7)
print(os.waitpid(pid, 0)[1] >> 8, len([bytearray(100) for _ in range(100000)]))
)";
    const Answer answer = run(kProgram, {"--verbose"});
    EXPECT_EQ(answer.out, "thread\n7 100000\n") << answer.err;
    EXPECT_TRUE(says(answer, kGoesOn)) << answer.err;
}

TEST_F(SnapshotHere, CountsTheMemoryOfTheJob) {
    const char* const touch = "block = bytearray(%d << 20)\nprint(len(block))";
    const auto of_size = [&](const char* size) {
        std::string code = touch;
        return code.replace(code.find("%d"), 2, size);
    };
    const auto over = result(of_size("65"), {"-m", "64m"});
    EXPECT_EQ(over["status"], "memory") << over;
    const auto below = result(of_size("48"), {"-m", "64m"});
    EXPECT_EQ(below["status"], "exited") << below;
    // What the snapshot takes of it is not more than an interpreter that starts.
    const auto peak = [&](std::vector<std::string> flags) {
        return result("pass", std::move(flags))["usage"]["memory_peak_bytes"].get<double>();
    };
    (void)peak({});  // Whoever reads a file first pays for its pages.
    EXPECT_LT(peak({}), peak({"--no-snapshot"}) * 1.1);
}

}  // namespace
}  // namespace vitrine::test
