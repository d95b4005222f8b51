// What a job leaves in /tmp/out reaches the host as plain files, or not at all.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

namespace fs = std::filesystem;

std::set<std::string> names_in(const std::string& directory) {
    std::set<std::string> names;
    if (!fs::exists(directory)) return names;
    for (const auto& entry : fs::recursive_directory_iterator(directory))
        names.insert(entry.path().string().substr(directory.size() + 1));
    return names;
}

/// Runs `code` with `--artifacts` into a directory of the test's own.
class Artifacts : public testing::Test {
  protected:
    nlohmann::json run(const std::string& code, std::vector<std::string> flags = {}) const {
        flags.insert(flags.end(), {"--artifacts", target_});
        return result_unvalidated(code, std::move(flags));
    }

    std::string reason_for(const nlohmann::json& result, const std::string& path) const {
        for (const auto& refused : result["artifacts_refused"]) {
            if (refused["path"] == path) return refused["reason"];
        }
        return "collected or not there";
    }

    Scratch scratch_;
    std::string target_ = scratch_.path() + "/artifacts";
};

TEST_F(Artifacts, ArePlainFilesWithTheirHashes) {
    const auto result = run(R"(
import os
os.makedirs("/tmp/out/plots/deep")
open("/tmp/out/plots/deep/a", "w").write("hello")
open("/tmp/out/tool", "w").write("#!/bin/sh\n")
os.chmod("/tmp/out/tool", 0o4777)
open("/tmp/elsewhere", "w").write("not collected")
)");
    EXPECT_EQ(result["artifacts_refused"], nlohmann::json::array()) << result;
    ASSERT_EQ(result["artifacts"].size(), 2U) << result;
    EXPECT_EQ(result["artifacts"][0]["path"], "plots/deep/a");
    EXPECT_EQ(result["artifacts"][0]["bytes"], 5);
    EXPECT_EQ(result["artifacts"][0]["sha256"], sha256_hex(std::string_view("hello")));
    struct stat info{};
    ASSERT_EQ(::stat((target_ + "/tool").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0644U);
    EXPECT_EQ(info.st_uid, ::geteuid());
}

TEST_F(Artifacts, OfEveryOtherKindAreRefusedAndSaidSo) {
    const auto result = run(R"(
import os, socket
out = "/tmp/out/"
os.symlink("/etc/passwd", out + "link")
os.symlink("../../../../../etc", out + "up")
os.mkfifo(out + "fifo")
socket.socket(socket.AF_UNIX).bind(out + "socket")
open(out + "two\nlines", "w").write("x")
open(os.fsencode(out) + b"\xff", "w").write("x")
open(out + "\x1b[2J", "w").write("x")
os.makedirs(out + "/".join(["d"] * 40))
with open(out + "sparse", "w") as file:
    file.truncate(512 << 20)
open(out + "kept", "w").write("control")
)");
    EXPECT_EQ(names_in(target_).count("kept"), 1U) << result;
    EXPECT_EQ(reason_for(result, "link"), "a symbolic link");
    EXPECT_EQ(reason_for(result, "up"), "a symbolic link");
    EXPECT_EQ(reason_for(result, "fifo"), "a fifo");
    EXPECT_EQ(reason_for(result, "socket"), "a socket");
    EXPECT_NE(reason_for(result, "two\\x0alines").find("control characters"), std::string::npos);
    EXPECT_NE(reason_for(result, "\\xff").find("no UTF-8"), std::string::npos);
    EXPECT_NE(reason_for(result, "\\x1b[2J").find("control characters"), std::string::npos);
    EXPECT_NE(reason_for(result, "sparse").find("536870912 bytes"), std::string::npos);
    for (const auto& entry : fs::recursive_directory_iterator(target_)) {
        EXPECT_TRUE(entry.is_directory() || entry.path().filename() == "kept") << entry.path();
    }
}

TEST_F(Artifacts, StopAtTheirNumber) {
    const auto result = run(R"(
for number in range(1500):
    open(f"/tmp/out/{number:04}", "w").close()
)");
    EXPECT_EQ(result["artifacts"].size(), 1000U);
    ASSERT_EQ(result["artifacts_refused"].size(), 1U);
    EXPECT_EQ(names_in(target_).size(), 1000U);
}

TEST_F(Artifacts, DirectoryReplacedByALinkLeadsNowhere) {
    scratch_.write("secret", "the host's own");
    const auto result = run(R"(
import os, vitrine
os.rename("/tmp/out", "/tmp/moved")
os.symlink("/etc", "/tmp/out")
vitrine.result(sorted(os.listdir("/tmp/out")))
)");
    // The control: inside, the link did lead to files.
    EXPECT_FALSE(result["value"].empty()) << result;
    EXPECT_EQ(result["artifacts"], nlohmann::json::array());
    EXPECT_EQ(result["artifacts_refused"].size(), 1U) << result;
    EXPECT_EQ(names_in(target_), std::set<std::string>{});
}

TEST_F(Artifacts, NeverFollowALinkOfTheTarget) {
    fs::create_directories(target_);
    const std::string outside = scratch_.path() + "/outside";
    fs::create_directory(outside);
    const std::string precious = scratch_.write("precious", "untouched");
    fs::create_directory_symlink(outside, target_ + "/sub");
    fs::create_symlink(precious, target_ + "/file");
    const auto result = run(R"(
import os
os.mkdir("/tmp/out/sub")
open("/tmp/out/sub/x", "w").write("through the link")
open("/tmp/out/file", "w").write("over the link")
)");
    EXPECT_EQ(names_in(outside), std::set<std::string>{}) << result;
    EXPECT_EQ(read_file(precious, 100), "untouched");
    EXPECT_EQ(read_file(target_ + "/file", 100), "over the link");
}

TEST_F(Artifacts, OfAJobThatWasKilledAreCollected) {
    const auto result = run(R"(
open("/tmp/out/before", "w").write("x")
while True:
    pass
)",
                            {"--timeout", "2s"});
    EXPECT_EQ(result["status"], "timeout");
    EXPECT_EQ(names_in(target_), std::set<std::string>{"before"});
}

TEST(Binds, ThatAreWritableAreChangedAsTheirOwner) {
    const Scratch scratch;
    const std::string secret = scratch.write("secret", "for the owner");
    ::chmod(secret.c_str(), 0600);
    const auto result = result_unvalidated(R"(
import os, vitrine
open("/data/new", "w").write("by the job")
refused = []
for action in (lambda: os.mknod("/data/node", 0o600 | 0o020000, os.makedev(1, 3)),
               lambda: os.execv("/data/tool", ["tool"])):
    try:
        action()
    except OSError as error:
        refused.append(error.errno)
vitrine.result([open("/data/secret").read(), len(refused)])
)",
                                           {"--bind", scratch.path() + ":/data"});
    EXPECT_EQ(result["value"], nlohmann::json::array({"for the owner", 2})) << result;
    EXPECT_EQ(read_file(scratch.path() + "/new", 100), "by the job");
    struct stat info{};
    ASSERT_EQ(::stat((scratch.path() + "/new").c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, ::geteuid());
}

TEST(Binds, VolumesAreSpelledAsDockersAre) {
    const Scratch scratch;
    const std::string write = "open('/data/x', 'w').write('y')";
    EXPECT_EQ(result_unvalidated(write, {"-v", scratch.path() + ":/data:ro"})["exception"]["type"],
              "OSError");
    EXPECT_FALSE(fs::exists(scratch.path() + "/x"));
    EXPECT_EQ(result_unvalidated(write, {"-v", scratch.path() + ":/data"})["exit_code"], 0);
    EXPECT_TRUE(fs::exists(scratch.path() + "/x"));
}

TEST(Binds, DoNotTakeTheScriptForOneMore) {
    const Scratch scratch;
    const std::string script = scratch.write("script.py", "import sys; print(sys.argv[1:])");
    const Answer answer = run_vitrine(
        {.arguments = {"run", "-q", "--ro-bind", scratch.path() + ":/data", script, "word"},
         .input = {},
         .environment = {}});
    EXPECT_EQ(answer.out, "['word']\n") << answer.err;
}

TEST(Binds, ThatWouldOpenTheSandboxAreRefused) {
    const std::string program = fs::path(vitrine_path()).parent_path();
    for (const std::string& bind : {std::string("/"), std::string("/proc"), std::string("/sys/fs"),
                                    std::string("/dev/null"), program + "/profiles", program}) {
        const Answer answer = run_code("pass", {"--bind", bind + ":/data"});
        EXPECT_EQ(answer.exit_code, 125) << bind;
        EXPECT_NE(answer.err.find("--bind"), std::string::npos) << answer.err;
    }
    EXPECT_EQ(run_code("pass", {"--ro-bind", "/etc/hostname:/data"}).exit_code, 0);
    EXPECT_EQ(run_code("pass", {"-v", "/etc:/data:rx"}).exit_code, 125);
}

}  // namespace
}  // namespace vitrine::test
