// Runs that go on from a rootfs's snapshot, those that do not, and the verb that makes one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGoesOn = "going on from the rootfs's snapshot";
constexpr const char* kStarts = "starting the interpreter";

Answer call_rootfs(std::vector<std::string> words) {
    words.insert(words.begin(), "rootfs");
    return run_vitrine({.arguments = std::move(words)});
}

bool says(const Answer& answer, const std::string& text) {
    return answer.err.find(text) != std::string::npos;
}

TEST(Snapshot, IsWhatARunGoesOnFrom) {
    const Answer answer = run_code("print(6 * 7)", {"--verbose"});
    EXPECT_EQ(answer.out, "42\n");
    EXPECT_TRUE(says(answer, kGoesOn)) << answer.err;
}

TEST(Snapshot, CanBeDoneWithout) {
    const Answer answer = run_code("print(6 * 7)", {"--verbose", "--no-snapshot"});
    EXPECT_EQ(answer.out, "42\n");
    EXPECT_TRUE(says(answer, kStarts)) << answer.err;
    EXPECT_FALSE(says(answer, kGoesOn)) << answer.err;
}

TEST(Snapshot, ShowsInTheResult) {
    EXPECT_EQ(result_of("pass")["snapshot"], true);
    EXPECT_EQ(result_of("pass", {"--no-snapshot"})["snapshot"], false);
}

TEST(Snapshot, IsNotForWhatIsHeldForADebugger) {
    const Answer answer = run_code("pass", {"--verbose", "--strace=/dev/null"});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_TRUE(says(answer, kStarts)) << answer.err;
}

/// What every start of an interpreter draws anew, a run that goes on from a snapshot does too.
TEST(Snapshot, SharesNoRandomState) {
    constexpr const char* kDraw =
        "import os, random, secrets, tempfile, uuid\n"
        "print(random.random(), uuid.uuid4(), secrets.token_hex(8), os.urandom(8).hex(),"
        " tempfile.mktemp())\n";
    const Answer first = run_code(kDraw, {"--no-validate"});
    const Answer second = run_code(kDraw, {"--no-validate"});
    EXPECT_EQ(first.exit_code, 0) << first.err;
    std::istringstream one(first.out);
    std::istringstream other(second.out);
    std::string left;
    std::string right;
    int words = 0;
    for (; one >> left && other >> right; ++words)
        EXPECT_NE(left, right);
    EXPECT_EQ(words, 5);
}

TEST(Snapshot, SharesTheHashSeed) {
    const std::string code = "print(hash('a text'))";
    EXPECT_EQ(run_code(code).out, run_code(code).out);
    EXPECT_NE(run_code(code, {"--no-snapshot"}).out, run_code(code, {"--no-snapshot"}).out);
}

/// Everything that the run is told reaches a program that was not there when Python started.
TEST(Snapshot, KnowsNothingOfTheRunButWhatItIsTold) {
    const auto result = result_unvalidated(
        "import os, sys, socket\n"
        "print(os.environ['MINE'], os.getenv('MINE'), os.getcwd(), sys.argv, socket.gethostname(),"
        " sys.stdin.read(), os.getuid(), sys.flags.isolated, sys.executable == '')",
        {"-e", "MINE=1", "--hostname", "box", "-u", "77:88", "-w", "/usr"});
    EXPECT_EQ(result["stdout"]["text"], "1 1 /usr ['-c'] box  77 1 True\n") << result.dump();
}

TEST(Snapshot, LeavesNoPathOfTheHost) {
    const auto result = result_unvalidated("print(open('/proc/self/maps').read())");
    const std::string maps = result["stdout"]["text"];
    EXPECT_NE(maps.find(" /.vitrine/snapshot"), std::string::npos) << maps;
    std::istringstream lines(maps);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t path = line.find('/');
        if (path == std::string::npos) continue;
        EXPECT_TRUE(line.substr(path).starts_with("/.vitrine/snapshot") ||
                    line.substr(path).starts_with("/usr/") || line.substr(path).starts_with("/lib"))
            << line;
    }
}

TEST(Snapshot, IsOutOfTheJobsReach) {
    const auto result = result_unvalidated(
        "import os\n"
        "for path in ('/.vitrine/snapshot', '/rootfs/.vitrine/snapshot'):\n"
        "    print(os.path.exists(path))\n"
        "print(os.path.exists('/usr'))");
    EXPECT_EQ(result["stdout"]["text"], "False\nFalse\nTrue\n");
}

/// The job writes to its own copy of a page.
TEST(Snapshot, IsNotChangedByAProgramThatWritesAllOverItsMemory) {
    constexpr const char* kScribble =
        "import ctypes, re\n"
        "n = 0\n"
        "for line in open('/proc/self/maps'):\n"
        "    if '/.vitrine/snapshot' in line and ' rw-p ' in line:\n"
        "        begin = int(line.split('-')[0], 16)\n"
        "        value = ctypes.c_char.from_address(begin)\n"
        "        value.value = value.value\n"
        "        n += 1\n"
        "print(n > 3)\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]\n"
        "for line in open('/proc/self/maps'):\n"
        "    if '/.vitrine/snapshot' in line and ' r--p ' in line:\n"
        "        begin = int(line.split('-')[0], 16)\n"
        "        assert libc.mprotect(begin, 4096, 3) == 0\n"
        "        ctypes.memset(begin, 0x41, 4096)\n"
        "        print('scribbled', flush=True)\n"
        "        break\n";
    const Answer attack = run_code(kScribble, {"--no-validate"});
    EXPECT_TRUE(attack.out.starts_with("True\nscribbled\n")) << attack.out << attack.err;
    EXPECT_EQ(run_code("print(1)").out, "1\n");
}

TEST(Snapshot, OfTheDefaultPolicyServesOthers) {
    EXPECT_EQ(run_code("print(eval('1+1'))", {"--policy", "off"}).out, "2\n");
    EXPECT_EQ(run_code("print(eval('1+1'))").exit_code, 126);
    const Answer algorithms = run_code("import math\nprint(math.pi)", {"--policy", "algorithms"});
    EXPECT_EQ(algorithms.out, "3.141592653589793\n") << algorithms.err;
    EXPECT_EQ(run_code("import vitrine", {"--policy", "algorithms"}).exit_code, 126);
}

/// A rootfs of the test's own, with a snapshot.
class OwnSnapshot : public testing::Test {
  protected:
    OwnSnapshot()
        : directory_(scratch_.path() + "/root"), file_(directory_ + "/.vitrine/snapshot") {
        const Answer answer = call_rootfs({"build", "-o", directory_});
        EXPECT_EQ(answer.exit_code, 0) << answer.err;
        EXPECT_TRUE(says(answer, "it has a started Python for cold runs")) << answer.err;
    }

    Answer run(const std::vector<std::string>& flags = {}) const {
        std::vector<std::string> all{"--verbose", "--rootfs", directory_};
        all.insert(all.end(), flags.begin(), flags.end());
        const Answer answer = run_code("import json; print(json.dumps([1]))", all);
        EXPECT_EQ(answer.out, "[1]\n") << answer.err;
        return answer;
    }

    /// Manifest, description and snapshot.
    std::ptrdiff_t files_of_ours() const {
        return std::distance(fs::directory_iterator(directory_ + "/.vitrine"), {});
    }

    Scratch scratch_;
    std::string directory_;
    std::string file_;
};

TEST_F(OwnSnapshot, IsNoPartOfTheContent) {
    EXPECT_TRUE(fs::exists(file_));
    const Answer verified = call_rootfs({"verify", directory_});
    EXPECT_EQ(verified.exit_code, 0);
    EXPECT_NE(verified.out.find("its snapshot, which runs start from, is in no manifest"),
              std::string::npos)
        << verified.out;
    EXPECT_NE(call_rootfs({"verify", "--json", directory_}).out.find("\"has_snapshot\":true"),
              std::string::npos);
    EXPECT_TRUE(says(run(), kGoesOn));
}

TEST_F(OwnSnapshot, IsShown) {
    const auto shown = [&] {
        const Answer text = call_rootfs({"show", directory_});
        const auto json = nlohmann::json::parse(call_rootfs({"show", "--json", directory_}).out);
        return std::pair(text.out, json["snapshot_bytes"]);
    };
    const auto [text, bytes] = shown();
    EXPECT_NE(text.find("MiB: a started Python for cold runs"), std::string::npos) << text;
    EXPECT_EQ(bytes, fs::file_size(file_));
    fs::remove(file_);
    const auto [none, null] = shown();
    EXPECT_NE(none.find("snapshot   none"), std::string::npos) << none;
    EXPECT_TRUE(null.is_null());
}

TEST_F(OwnSnapshot, IsPassedOverWhereTheRootfsHasChanged) {
    std::ofstream(directory_ + "/usr/lib/python3.11/encodings/added.py") << "pass\n";
    const Answer answer = run();
    EXPECT_TRUE(says(answer, "the snapshot is of another rootfs; starting")) << answer.err;
    ASSERT_EQ(call_rootfs({"snapshot", directory_}).exit_code, 0);
    EXPECT_TRUE(says(run(), kGoesOn));
}

/// What is read at the start is looked at, file by file, also where it was changed in place.
TEST_F(OwnSnapshot, IsPassedOverWhereAModuleOfTheStartHasChanged) {
    const std::string module = directory_ + "/usr/lib/python3.11/encodings/__init__.py";
    ASSERT_EQ(::chmod(module.c_str(), 0644), 0);
    std::ofstream(module, std::ios::app) << "EDITED = 1\n";
    EXPECT_TRUE(says(run(), "the snapshot is of another rootfs; starting"));
}

TEST_F(OwnSnapshot, IsPassedOverInACopy) {
    const std::string copy = scratch_.path() + "/copy";
    ASSERT_EQ(run_program("/bin/cp", {.arguments = {"-a", directory_, copy}}).exit_code, 0);
    directory_ = copy;
    EXPECT_TRUE(says(run(), "the snapshot is of another rootfs; starting"));
}

/// An interpreter starts from less than a snapshot is compared with.
TEST_F(OwnSnapshot, NeedsNothingThatAnInterpreterDoesNotNeed) {
    fs::rename(directory_ + "/usr/lib/python3.11/lib-dynload", scratch_.path() + "/away");
    const Answer answer = run_code("print(1)", {"--verbose", "--rootfs", directory_});
    EXPECT_EQ(answer.out, "1\n") << answer.err;
    EXPECT_TRUE(says(answer, "the snapshot is of another rootfs; starting")) << answer.err;
}

TEST_F(OwnSnapshot, IsPassedOverWhereItIsDamaged) {
    ASSERT_EQ(::chmod(file_.c_str(), 0644), 0);
    const auto size = fs::file_size(file_);
    fs::resize_file(file_, size - 4096);
    EXPECT_TRUE(says(run(), "the snapshot is damaged; starting"));
    fs::resize_file(file_, 10);
    EXPECT_TRUE(says(run(), "the snapshot is damaged; starting"));
    std::ofstream(file_, std::ios::trunc) << std::string(20'000'000, 'x');
    EXPECT_TRUE(says(run(), "the snapshot is damaged; starting"));
}

TEST_F(OwnSnapshot, IsPassedOverWhereOthersCouldHaveMadeIt) {
    ASSERT_EQ(::chmod(file_.c_str(), 0666), 0);
    const Answer answer = run();
    EXPECT_FALSE(says(answer, kGoesOn)) << answer.err;
    EXPECT_TRUE(says(answer, "passed over: others could have written it")) << answer.err;
    ASSERT_EQ(::chmod(file_.c_str(), 0444), 0);
    EXPECT_TRUE(says(run(), kGoesOn));
    ASSERT_EQ(::chmod((directory_ + "/.vitrine").c_str(), 0777), 0);
    EXPECT_FALSE(says(run(), kGoesOn));
    const Answer refused = call_rootfs({"snapshot", directory_});
    EXPECT_EQ(refused.exit_code, 125);
    EXPECT_TRUE(says(refused, "others can write to")) << refused.err;
    ASSERT_EQ(::chmod((directory_ + "/.vitrine").c_str(), 0755), 0);
    fs::rename(file_, directory_ + "/.vitrine/other");
    fs::create_symlink("other", file_);
    EXPECT_FALSE(says(run(), kGoesOn));
}

TEST_F(OwnSnapshot, OfAStrangerIsPassedOver) {
    if (::geteuid() != 0) {
        // Nobody but root can make a file somebody else's: no stranger's can come here.
        EXPECT_NE(::chown(file_.c_str(), 12345, 12345), 0);
        return;
    }
    ASSERT_EQ(::chown(file_.c_str(), 12345, 12345), 0);
    EXPECT_FALSE(says(run(), kGoesOn));
}

TEST_F(OwnSnapshot, IsReplacedAndFollowsNoLink) {
    const std::string victim = scratch_.write("victim", "untouched");
    fs::remove(file_);
    fs::create_symlink(victim, file_);
    const Answer answer = call_rootfs({"snapshot", directory_});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_TRUE(says(answer, "has a started Python")) << answer.err;
    EXPECT_EQ(read_file(victim, 100), "untouched");
    EXPECT_FALSE(fs::is_symlink(file_));
    EXPECT_TRUE(says(run(), kGoesOn));
    EXPECT_EQ(files_of_ours(), 3);
}

/// A rootfs of somebody else's could have its directory elsewhere, where only the caller may write.
TEST_F(OwnSnapshot, IsWrittenNowhereElse) {
    const std::string elsewhere = scratch_.path() + "/elsewhere";
    fs::rename(directory_ + "/.vitrine", elsewhere);
    fs::remove(elsewhere + "/snapshot");
    fs::create_symlink(elsewhere, directory_ + "/.vitrine");
    const Answer answer = call_rootfs({"snapshot", directory_});
    EXPECT_EQ(answer.exit_code, 125);
    // Before anything is written there, not when it turns out that no run finds it.
    EXPECT_TRUE(says(answer, "is a link, or no directory")) << answer.err;
    EXPECT_FALSE(fs::exists(elsewhere + "/snapshot"));
}

TEST_F(OwnSnapshot, BelongsToTheOwnerOfTheRootfs) {
    if (::geteuid() != 0) {
        // Whoever is not root makes it for themselves.
        struct stat info{};
        ASSERT_EQ(::stat(file_.c_str(), &info), 0);
        EXPECT_EQ(info.st_uid, ::geteuid());
        return;
    }
    const std::string owner = "61234:61234";
    ASSERT_EQ(run_program("/bin/chown", {.arguments = {"-R", owner, directory_}}).exit_code, 0);
    ASSERT_EQ(call_rootfs({"snapshot", directory_}).exit_code, 0);
    struct stat info{};
    ASSERT_EQ(::stat(file_.c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 61234U);
    EXPECT_TRUE(says(run(), kGoesOn));
}

/// Where one is broken off, the next is not kept from its work, nor the rootfs from being verified.
TEST_F(OwnSnapshot, ThatWasBrokenOffIsNobodysTrouble) {
    std::ofstream(file_ + ".0123456789abcdef") << "half of one";
    EXPECT_EQ(call_rootfs({"verify", directory_}).exit_code, 0);
    EXPECT_EQ(call_rootfs({"snapshot", directory_}).exit_code, 0);
    EXPECT_EQ(files_of_ours(), 3);
}

/// It is tried out before anybody relies on it.
TEST_F(OwnSnapshot, ThatNoProgramGoesOnFromReplacesNone) {
    const Answer answer =
        run_program("/usr/bin/setarch",
                    {.arguments = {"-R", vitrine_path(), "rootfs", "snapshot", directory_}});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_TRUE(says(answer, "random addresses")) << answer.err;
    EXPECT_EQ(files_of_ours(), 3);
    EXPECT_TRUE(says(run(), kGoesOn));
}

/// Whenever it is interrupted, there is the snapshot of before or a new one, and nothing else.
TEST_F(OwnSnapshot, ThatIsInterruptedReplacesNone) {
    int interrupted = 0;
    for (const char* after : {"0.03", "0.06", "0.09", "0.12", "0.15", "0.2", "0.25", "0.3"}) {
        const Answer answer = run_program(
            "/usr/bin/timeout", {.arguments = {"-s", "INT", "--preserve-status", after,
                                               vitrine_path(), "rootfs", "snapshot", directory_}});
        interrupted += answer.exit_code == 130 ? 1 : 0;
        EXPECT_EQ(files_of_ours(), 3) << after;
    }
    EXPECT_GT(interrupted, 0);
    EXPECT_TRUE(says(run(), kGoesOn));
}

/// Its code chooses the moment, its owner what the path leads to then.
TEST_F(OwnSnapshot, OfARootfsThatIsExchangedMeanwhileIsNotTheOthers) {
    const std::string victim = scratch_.path() + "/victim";
    ASSERT_EQ(call_rootfs({"build", "-q", "-o", victim}).exit_code, 0);
    const std::string content = read_file(victim + "/.vitrine/snapshot", 1 << 30);
    const std::string module = directory_ + "/usr/lib/python3.11/encodings/__init__.py";
    ASSERT_EQ(::chmod(module.c_str(), 0644), 0);
    std::ofstream(module, std::ios::app) << "import time; time.sleep(2)\n";
    fs::remove_all(directory_ + "/usr/lib/python3.11/encodings/__pycache__");
    const std::string script = concat("sleep 1; mv '", directory_, "' '", directory_, ".away'; ",
                                      "ln -s '", victim, "' '", directory_, "'");
    const Answer answer = run_program(
        "/bin/sh",
        {.arguments = {"-c", concat("(", script, ") & \"$0\" rootfs snapshot \"$1\"; wait"),
                       vitrine_path(), directory_}});
    EXPECT_TRUE(fs::is_symlink(directory_)) << "the control: it was exchanged";
    EXPECT_TRUE(read_file(victim + "/.vitrine/snapshot", 1 << 30) == content) << answer.err;
    EXPECT_EQ(std::distance(fs::directory_iterator(victim + "/.vitrine"), {}), 3);
}

/// Of root's run the user is another one. Of anybody else's it is the owner, who may read all.
TEST_F(OwnSnapshot, ThatTheJobsUserCannotReadIsPassedOver) {
    ASSERT_EQ(::chmod(file_.c_str(), 0600), 0);
    EXPECT_TRUE(says(run(), ::geteuid() == 0 ? "the snapshot cannot be read; starting" : kGoesOn));
}

TEST_F(OwnSnapshot, IsMadeByWhoeverMayWriteThere) {
    if (::geteuid() != 0) {
        const Answer answer = call_rootfs({"snapshot"});  // The build's, which is root's.
        EXPECT_EQ(answer.exit_code, 125);
        EXPECT_TRUE(says(answer, "hint: do it as the rootfs's owner, or as root")) << answer.err;
        return;
    }
    EXPECT_EQ(call_rootfs({"snapshot", directory_}).exit_code, 0);
}

/// Zeroes in the middle: nothing looks at every page, but what is said leads to the cause.
TEST_F(OwnSnapshot, WithBadPagesIsSuspectedByWhoeverDiesOfIt) {
    ASSERT_EQ(::chmod(file_.c_str(), 0644), 0);
    const auto size = fs::file_size(file_);
    std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    constexpr std::size_t kHead = 65536;
    file.seekp(kHead);
    file << std::string(size - kHead, '\0');
    file.close();
    const Answer answer = run_code("pass", {"--rootfs", directory_});
    EXPECT_EQ(answer.exit_code, 125) << answer.err;
    EXPECT_TRUE(says(answer, "make the snapshot anew: vitrine rootfs snapshot " + directory_))
        << answer.err;
}

TEST_F(OwnSnapshot, IsMissedByTheDoctorAlone) {
    fs::remove(file_);
    EXPECT_TRUE(says(run(), kStarts));
    const Answer answer = run_vitrine({.arguments = {"doctor", "--rootfs", directory_}});
    EXPECT_NE(answer.out.find("the rootfs has no snapshot: vitrine rootfs snapshot " + directory_),
              std::string::npos)
        << answer.out << answer.err;
}

TEST(SnapshotVerb, SaysWhatItCannotDo) {
    const Scratch scratch;
    const Answer none = call_rootfs({"snapshot", scratch.path() + "/none"});
    EXPECT_EQ(none.exit_code, 125);
    EXPECT_TRUE(says(none, "none")) << none.err;
    EXPECT_TRUE(says(none, "hint")) << none.err;
    EXPECT_EQ(
        call_rootfs({"build", "-q", "--no-snapshot", "-o", scratch.path() + "/bare"}).exit_code, 0);
    EXPECT_FALSE(fs::exists(scratch.path() + "/bare/.vitrine/snapshot"));
    EXPECT_EQ(call_rootfs({"snapshot", "--help"}).exit_code, 0);
}

}  // namespace
}  // namespace vitrine::test
