#include "rootfs/manifest.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "base/error.h"
#include "rootfs/complete.h"
#include "rootfs/recipe.h"
#include "rootfs/tree.h"
#include "support/scratch.h"

namespace vitrine::rootfs {
namespace {

namespace fs = std::filesystem;

const PythonDescription kPython{.version = "3.11.2",
                                .soabi = "cpython-311",
                                .libpython = "/usr/lib/libpython3.11.so",
                                .libraries = {},
                                .prefix = "/usr",
                                .search_path = {"/usr/lib/python3.11"},
                                .distributions = {{"numpy", "1.24"}}};

/// A small finished tree.
class SmallTree : public testing::Test {
  protected:
    SmallTree() {
        Tree tree(scratch_.path());
        tree.write("/usr/lib/module.py", "pass\n");
        tree.write("/usr/lib/other.py", "pass\n");
        tree.link("/lib", "usr/lib");
        describe(tree, kPython);
        manifest_ = complete(tree, kPython, "a test", "minimal");
    }

    std::string path(const std::string& name) const { return scratch_.path() + name; }

    /// The differences as `kind path`.
    std::vector<std::string> differences() const {
        constexpr std::array kWords{"changed ", "missing ", "added "};
        std::vector<std::string> found;
        const Manifest manifest = read_manifest(scratch_.path());
        for (const Difference& difference : compare(manifest.entries, scan(scratch_.path()))) {
            found.push_back(kWords.at(static_cast<std::size_t>(difference.kind)) + difference.path);
        }
        return found;
    }

    test::Scratch scratch_;
    Manifest manifest_;
};

using Found = std::vector<std::string>;

TEST_F(SmallTree, IsWhatItsManifestSays) {
    EXPECT_EQ(differences(), Found{});
    const Manifest read = read_manifest(scratch_.path());
    EXPECT_EQ(read.entries, manifest_.entries);
    EXPECT_EQ(read.content_id, content_id(scan(scratch_.path())));
    EXPECT_EQ(read.source, "a test");
    EXPECT_EQ(read.recipe, "minimal");
    EXPECT_EQ(read.python.distributions.front().name, "numpy");
}

TEST_F(SmallTree, ShowsAChangedByteOfTheSameSize) {
    fs::remove(path("/usr/lib/module.py"));
    scratch_.write("usr/lib/module.py", "fail\n");
    ::chmod(path("/usr/lib/module.py").c_str(), 0444);
    EXPECT_EQ(differences(), Found{"changed /usr/lib/module.py"});
}

TEST_F(SmallTree, ShowsModesLinksAndWhatIsGoneOrNew) {
    ::chmod(path("/usr/lib/module.py").c_str(), 0555);
    fs::remove(path("/usr/lib/other.py"));
    fs::remove(path("/lib"));
    fs::create_symlink("/etc", path("/lib"));
    scratch_.write("usr/new.py", "");
    EXPECT_EQ(differences(), (Found{"changed /lib", "changed /usr/lib/module.py",
                                    "missing /usr/lib/other.py", "added /usr/new.py"}));
}

TEST_F(SmallTree, HasAnIdOfItsContentAlone) {
    const test::Scratch other;
    Tree tree(other.path());
    tree.write("/usr/lib/other.py", "pass\n");
    tree.link("/lib", "usr/lib");
    tree.write("/usr/lib/module.py", "pass\n");
    describe(tree, kPython);
    EXPECT_EQ(complete(tree, kPython, "elsewhere", {}).content_id, manifest_.content_id);
    tree.write("/usr/lib/third.py", "");
    EXPECT_NE(content_id(scan(other.path())), manifest_.content_id);
}

TEST(Manifest, IsRefusedWhenItIsNone) {
    EXPECT_THROW((void)decode_manifest("{"), Error);
    EXPECT_THROW((void)decode_manifest("{}"), Error);
    EXPECT_THROW((void)decode_manifest(R"({"schema": "vitrine.manifest.v1"})"), Error);
    Manifest manifest{.python = kPython};
    manifest.entries = {{.path = "/x", .kind = Entry::Kind::kFile, .mode = 0444}};
    std::string text = encode_manifest(manifest);
    EXPECT_EQ(decode_manifest(text).entries, manifest.entries);
    text.replace(text.find("0444"), 4, "0944");
    EXPECT_THROW((void)decode_manifest(text), Error);
}

TEST(Tree, MakesOneFileOfWhatTheHostHasUnderTwoNames) {
    const test::Scratch host;
    const std::string original = host.write("a", "content");
    fs::create_hard_link(original, host.path() + "/b");
    const test::Scratch scratch;
    Tree tree(scratch.path());
    tree.copy_all(host.path(), "/data", [](const std::string&) { return true; });
    struct stat info{};
    ASSERT_EQ(::stat((scratch.path() + "/data/b").c_str(), &info), 0);
    EXPECT_EQ(info.st_nlink, 2U);
    ASSERT_EQ(::stat(original.c_str(), &info), 0);
    EXPECT_EQ(info.st_nlink, 2U) << "the host's own file was linked";
}

TEST(Recipe, NamesTheKeyItDoesNotKnow) {
    const test::Scratch scratch;
    const std::string file = scratch.write("mine.json", R"({"distributions": ["numpy"]})");
    EXPECT_EQ(read_recipe(file).distributions, std::vector<std::string>{"numpy"});
    EXPECT_EQ(read_recipe(file).name, "mine");
    const std::string bad = scratch.write("bad.json", R"({"dists": ["numpy"]})");
    try {
        (void)read_recipe(bad);
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("unknown key 'dists'"), std::string::npos);
    }
    EXPECT_THROW((void)read_recipe(scratch.write("half.json", "{")), UsageError);
}

}  // namespace
}  // namespace vitrine::rootfs
