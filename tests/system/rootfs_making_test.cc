// Builds and imports that compile inside, fail, or are interrupted.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "support/running_job.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

namespace fs = std::filesystem;

Answer call_rootfs(std::vector<std::string> words, const std::string& path = {}) {
    words.insert(words.begin(), "rootfs");
    Call call{.arguments = std::move(words), .input = {}, .environment = {}};
    if (!path.empty()) call.environment = {{"PATH", path}};
    return run_vitrine(call);
}

long count_bytecode(const std::string& root) {
    return std::count_if(
        fs::recursive_directory_iterator(root), {},
        [](const fs::directory_entry& entry) { return entry.path().extension() == ".pyc"; });
}

/// What `import json` opens, by CPython's own account.
constexpr const char* kOpened = R"(
import sys, vitrine
opened = []
sys.addaudithook(lambda event, words: opened.append(str(words[0])) if event == "open" else None)
import json
kinds = lambda end: sum(path.endswith(end) for path in opened)
with open(json.__cached__, "rb") as file:
    vitrine.result([kinds(".pyc") > 0, kinds(".py"), file.read(8)[4:].hex()])
)";

/// An image of a Python without bytecode.
class Image : public testing::Test {
  protected:
    Image() : plain_(scratch_.path() + "/plain"), root_(scratch_.path() + "/root") {
        const Answer built = call_rootfs({"build", "-q", "--no-bytecode", "-o", plain_});
        EXPECT_EQ(built.exit_code, 0) << built.err;
    }

    Answer import(std::vector<std::string> flags) {
        const std::string tar = scratch_.path() + "/image.tar";
        const Call pack{
            .arguments = {"-C", plain_, "-cf", tar, "."}, .input = {}, .environment = {}};
        EXPECT_EQ(run_program("/bin/tar", pack).exit_code, 0);
        flags.insert(flags.begin(), {"import", tar, "-o", root_});
        return call_rootfs(flags);
    }

    /// Puts another module in the place of one.
    void replace(const std::string& module, const std::string& source) {
        const std::string path = "plain/usr/lib/python3.11/" + module;
        fs::remove(scratch_.path() + "/" + path);
        (void)scratch_.write(path, source);
    }

    Scratch scratch_;
    std::string plain_;
    std::string root_;
};

TEST_F(Image, IsCompiledByItsOwnPythonWhenThatIsAskedFor) {
    EXPECT_EQ(count_bytecode(plain_), 0);
    EXPECT_EQ(import({"-q"}).exit_code, 0);
    EXPECT_EQ(count_bytecode(root_), 0);
    EXPECT_EQ(result_unvalidated(kOpened, {"--rootfs", root_})["exception"]["type"],
              "FileNotFoundError");  // Control: there is none to read.
    const Answer compiled = import({"--bytecode"});
    ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
    EXPECT_NE(compiled.err.find("in a sandbox"), std::string::npos) << compiled.err;
    EXPECT_GT(count_bytecode(root_), 300);
    EXPECT_EQ(result_unvalidated(kOpened, {"--rootfs", root_})["value"],
              nlohmann::json::array({true, 0, "01000000"}));
    EXPECT_EQ(call_rootfs({"verify", root_}).exit_code, 0);
}

TEST_F(Image, ThatFailsToCompileIsNotImported) {
    replace("warnings.py", "raise ValueError('\\x1b[31mred')\n");
    const Answer answer = import({"--bytecode"});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_NE(answer.err.find("writing bytecode: its Python in a sandbox: it exited with 1"),
              std::string::npos)
        << answer.err;
    EXPECT_NE(answer.err.find("[31mred"), std::string::npos) << answer.err;  // It did run.
    EXPECT_EQ(answer.err.find('\x1b'), std::string::npos);
    EXPECT_FALSE(fs::exists(root_));
    EXPECT_EQ(std::distance(fs::directory_iterator(scratch_.path()), {}), 2);  // Image and tree.
}

TEST_F(Image, WritesNothingButBytecode) {
    replace("warnings.py",
            "import importlib.util\nimportlib.util.MAGIC_NUMBER = b'nope'\n"
            "filters = []\nsimplefilter = lambda *words: None\n");
    const Answer answer = import({"--bytecode"});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_NE(answer.err.find("no bytecode of its modules"), std::string::npos) << answer.err;
    EXPECT_FALSE(fs::exists(root_));
}

/// A recipe from packages, with another program in the place of mmdebstrap.
class Fetching : public testing::Test {
  protected:
    Answer build(const std::string& mmdebstrap) {
        fs::create_directories(scratch_.path() + "/bin");
        fs::create_directories(scratch_.path() + "/out");
        if (!mmdebstrap.empty()) {
            fs::permissions(scratch_.write("bin/mmdebstrap", "#!/bin/sh\n" + mmdebstrap),
                            fs::perms(0755));
        }
        return call_rootfs({"build", "-o", scratch_.path() + "/out/root", "--recipe", "debian"},
                           scratch_.path() + "/bin:" + (mmdebstrap.empty() ? "" : "/usr/bin:/bin"));
    }

    bool left_nothing() const { return fs::is_empty(scratch_.path() + "/out"); }

    Scratch scratch_;
};

TEST_F(Fetching, SaysWhatToInstall) {
    const Answer answer = build("");
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_NE(answer.err.find("apt-get install mmdebstrap"), std::string::npos) << answer.err;
    EXPECT_TRUE(left_nothing());
}

TEST_F(Fetching, ThatFailsLeavesNothing) {
    const Answer answer = build("mkdir $TMPDIR/half\necho no mirror >&2\nexit 25\n");
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_NE(answer.err.find("no mirror"), std::string::npos) << answer.err;
    EXPECT_NE(answer.err.find("'mmdebstrap' ended with exit code 25"), std::string::npos);
    EXPECT_NE(answer.err.find("reach a Debian mirror"), std::string::npos);
    EXPECT_TRUE(left_nothing());
}

TEST_F(Fetching, ThatIsInterruptedLeavesNothingAndNobody) {
    // It ignores what mmdebstrap ignores, and ends whoever waits for its parent.
    const Answer answer = build(R"(trap '' TERM INT
mkdir $TMPDIR/half
sleep 100 &
echo $! >)" + scratch_.path() + R"(/orphan
kill -TERM $(sed -n 's/^PPid:\t//p' /proc/$PPID/status)
sleep 50
)");
    EXPECT_EQ(answer.exit_code, 143) << answer.err;
    EXPECT_NE(answer.err.find("interrupted"), std::string::npos) << answer.err;
    const std::string orphan = read_file(scratch_.path() + "/orphan", 100);
    EXPECT_FALSE(exists(std::stoi(orphan))) << orphan;
    EXPECT_TRUE(left_nothing());
}

TEST_F(Fetching, RunsWithoutAnyPrivilegeAndNoScriptOfAPackage) {
    const Answer answer = build("echo \"called: $*\" >&2\nexit 1\n");
    EXPECT_NE(answer.err.find("--mode=chrootless --variant=extract"), std::string::npos)
        << answer.err;
}

}  // namespace
}  // namespace vitrine::test
