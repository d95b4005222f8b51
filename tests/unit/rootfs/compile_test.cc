// What comes out of the sandbox that compiles is a stranger's: it becomes bytecode or nothing.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "base/error.h"
#include "base/file.h"
#include "rootfs/compile.h"
#include "support/scratch.h"

namespace vitrine::rootfs {
namespace {

namespace fs = std::filesystem;

const std::string kHeader("\xa7\r\r\n\1\0\0\0hashhash", 16);

std::string word(std::uint32_t number) {
    std::string bytes;
    for (unsigned i = 0; i < 4; ++i)
        bytes.push_back(static_cast<char>(number >> (8U * i)));
    return bytes;
}

std::string answer(std::uint32_t module, const std::string& bytes) {
    return word(module) + word(static_cast<std::uint32_t>(bytes.size())) + bytes;
}

/// Two modules, and a directory with a third that is on no search path.
class Compilation : public testing::Test {
  protected:
    Compilation() : tree_(scratch_.path()) {
        tree_.write("/lib/first.py", "1\n");
        tree_.write("/lib/package/second.py", "2\n");
        tree_.write("/elsewhere/third.py", "3\n");
        tree_.make_directory("/.vitrine");
    }

    /// With `output` as all that the sandbox leaves.
    std::size_t compile(const std::string& output) {
        return compile_inside(tree_, {.version = "3.12.1", .search_path = {"/lib", "/lib/package"}},
                              [&](const InsideProgram& program) {
                                  input_ = program.input;
                                  fs::create_directory(program.results);
                                  replace_file(program.results + "/0", output);
                              });
    }

    bool has(const std::string& path) const { return tree_.has(path); }

    test::Scratch scratch_;
    Tree tree_;
    std::string input_;
};

TEST_F(Compilation, WritesWhatItsPythonMadeOfItsModules) {
    EXPECT_EQ(compile(answer(1, kHeader + "two") + answer(0, kHeader + "one")), 2U);
    EXPECT_EQ(input_, std::string("/lib/first.py\0/lib/package/second.py\0", 37));
    EXPECT_EQ(read_file(scratch_.path() + "/lib/__pycache__/first.cpython-312.pyc", 100),
              kHeader + "one");
    EXPECT_TRUE(has("/lib/package/__pycache__/second.cpython-312.pyc"));
    EXPECT_FALSE(has("/elsewhere/__pycache__"));
    EXPECT_FALSE(has("/.vitrine/bytecode"));
}

TEST_F(Compilation, ReplacesBytecodeThatIsThere) {
    tree_.write("/lib/__pycache__/first.cpython-312.pyc", "old");
    EXPECT_EQ(compile(answer(0, kHeader + "new")), 1U);
    EXPECT_EQ(read_file(scratch_.path() + "/lib/__pycache__/first.cpython-312.pyc", 100),
              kHeader + "new");
}

TEST_F(Compilation, RefusesWhatIsNone) {
    const std::string good = kHeader + "code";
    std::string checked = good;
    checked[4] = 3;  // Hash-based, and checked at every import.
    for (const std::string& output :
         {answer(2, good), answer(0, good) + answer(0, good), answer(0, checked),
          answer(0, "short"), word(0) + word(0xffffffff) + good, word(0) + "x", std::string()}) {
        EXPECT_THROW((void)compile(output), Error) << testing::PrintToString(output);
        fs::remove_all(scratch_.path() + "/.vitrine/bytecode");
    }
}

TEST_F(Compilation, FollowsNoLink) {
    const test::Scratch outside;
    outside.write("victim.py", "0\n");
    fs::create_directory_symlink(outside.path(), scratch_.path() + "/lib/__pycache__");
    fs::create_directory_symlink(outside.path(), scratch_.path() + "/lib/package/out");
    fs::create_symlink(outside.path() + "/victim.py", scratch_.path() + "/lib/victim.py");
    EXPECT_EQ(compile(answer(0, kHeader + "one") + answer(1, kHeader + "two")), 2U);
    EXPECT_EQ(input_.find("victim"), std::string::npos);
    EXPECT_EQ(std::distance(fs::directory_iterator(outside.path()), {}), 1);
    EXPECT_TRUE(has("/lib/package/__pycache__/second.cpython-312.pyc"));  // Control.
}

TEST_F(Compilation, TakesModulesThatAreLinksInTheTree) {
    fs::create_symlink("../elsewhere/third.py", scratch_.path() + "/lib/third.py");
    EXPECT_EQ(compile(answer(2, kHeader + "three")), 1U);
    EXPECT_TRUE(has("/lib/__pycache__/third.cpython-312.pyc"));
}

}  // namespace
}  // namespace vitrine::rootfs
