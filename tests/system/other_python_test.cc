// A Python of another minor version than the build's: Debian 11's 3.9, by a recipe of its own.
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

/// What `import json` opens, by CPython's own account: any bytecode, how many sources; then which
/// file it was and what PEP 552 says of it.
constexpr const char* kOpened = R"(
import sys, vitrine
opened = []
sys.addaudithook(lambda event, words: opened.append(str(words[0])) if event == "open" else None)
import json
kinds = lambda end: sum(path.endswith(end) for path in opened)
with open(json.__cached__, "rb") as file:
    vitrine.result([kinds(".pyc") > 0, kinds(".py"), json.__cached__, file.read(8)[4:].hex()])
)";

std::string built(const Scratch& scratch, const std::string& recipe) {
    std::string path = scratch.path() + "/root";
    const Answer answer =
        run_vitrine({.arguments = {"rootfs", "build", "-o", path, "--recipe", recipe},
                     .input = {},
                     .environment = {},
                     .patience = std::chrono::seconds(180)});
    if (answer.exit_code != 0) throw Error(concat("building a rootfs: ", answer.err));
    return path;
}

/// Made once: fetching takes seconds.
class OtherPython : public testing::Test {
  protected:
    static const std::string& rootfs() {
        static const Scratch scratch;
        static const std::string path =
            built(scratch, scratch.write("older.json", R"({"suite": "bullseye", "packages": )"
                                                       R"(["libpython3.9"]})"));
        return path;
    }

    static nlohmann::json result(const std::string& code, std::vector<std::string> flags = {}) {
        flags.insert(flags.end(), {"--rootfs", rootfs()});
        return result_of(code, flags);
    }
};

TEST_F(OtherPython, ReadsBytecodeItHadWrittenItself) {
    EXPECT_EQ(
        result(kOpened, {"--no-validate"})["value"],
        nlohmann::json::array(
            {true, 0, "/usr/lib/python3.9/json/__pycache__/__init__.cpython-39.pyc", "01000000"}));
    EXPECT_EQ(
        run_vitrine({.arguments = {"rootfs", "verify", rootfs()}, .input = {}, .environment = {}})
            .exit_code,
        0);
}

TEST(DebianRecipe, IsCompiledToo) {
    const Scratch scratch;
    const std::string root = built(scratch, "debian");
    EXPECT_EQ(result_unvalidated(kOpened, {"--rootfs", root})["value"],
              nlohmann::json::array(
                  {true, 0, "/usr/lib/python3.11/json/__pycache__/__init__.cpython-311.pyc",
                   "01000000"}));
}

TEST_F(OtherPython, RunsAndHandsValuesBack) {
    const auto answer = result(R"(
import json, math, vitrine
print(json.dumps({"pi": round(math.pi, 3)}))
vitrine.result([1, "two", 3.5, None, True, {"k": [2**70]}])
)");
    ASSERT_EQ(answer["status"], "exited") << answer;
    EXPECT_TRUE(answer["python"].get<std::string>().starts_with("3.9.")) << answer["python"];
    EXPECT_EQ(answer["stdout"]["text"], "{\"pi\": 3.142}\n");
    EXPECT_EQ(answer["value"][1], "two");
    EXPECT_EQ(answer["value"][4], true);
}

TEST_F(OtherPython, IsConfinedLikeAnyOther) {
    const auto answer = result(R"(
import os, vitrine
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
vitrine.result({name: status[name].split()[0] for name in ("Uid", "CapBnd", "NoNewPrivs", "Seccomp")})
)",
                               {"--no-validate"});
    EXPECT_EQ(answer["value"], (nlohmann::json{{"Uid", "1000"},
                                               {"CapBnd", "0000000000000000"},
                                               {"NoNewPrivs", "1"},
                                               {"Seccomp", "2"}}))
        << answer;
}

TEST_F(OtherPython, IsCheckedByItsOwnGrammar) {
    const auto import = result("x = 1\nimport os");
    ASSERT_EQ(import["status"], "rejected") << import;
    EXPECT_EQ(import["findings"][0]["rule"], "import-not-allowed");
    EXPECT_EQ(import["findings"][0]["line"], 2);
    EXPECT_EQ(result("().__class__")["findings"][0]["rule"], "dunder-not-allowed");
    const auto newer = result("match 1:\n    case 1:\n        pass");
    EXPECT_EQ(newer["status"], "rejected");
    EXPECT_EQ(newer["findings"][0]["rule"], "syntax-error") << newer["findings"];
    EXPECT_EQ(result_of("match 1:\n    case 1:\n        pass")["status"], "exited");  // Control.
}

TEST_F(OtherPython, FailsAndEndsLikeAnyOther) {
    const auto failed = result("def f():\n    return 1 / 0\nf()");
    ASSERT_EQ(failed["exit_code"], 1) << failed;
    EXPECT_EQ(failed["exception"]["type"], "ZeroDivisionError");
    EXPECT_EQ(failed["exception"]["line"], 2);
    EXPECT_NE(failed["stderr"]["text"].get<std::string>().find("line 2, in f"), std::string::npos);
    const auto ended = result(R"(
import atexit, gc, sys, threading
atexit.register(print, "at exit")
class Noisy:
    def __del__(self):
        print("deleted")
noisy = Noisy()
threading.Thread(target=print, args=("thread",)).start()
sys.exit(7)
)",
                              {"--no-validate"});
    EXPECT_EQ(ended["exit_code"], 7) << ended;
    EXPECT_EQ(ended["stdout"]["text"], "thread\nat exit\ndeleted\n");
}

}  // namespace
}  // namespace vitrine::test
