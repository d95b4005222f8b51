#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "rootfs/build.h"
#include "rootfs/closure.h"
#include "rootfs/staging.h"
#include "rootfs/tree.h"
#include "support/scratch.h"

namespace vitrine::rootfs {
namespace {

namespace fs = std::filesystem;

bool has(const std::vector<Library>& libraries, std::string_view prefix) {
    return std::ranges::any_of(
        libraries, [&](const Library& library) { return library.name.starts_with(prefix); });
}

TEST(Closure, FindsWhatThisProgramNeeds) {
    const auto libraries = library_closure({"/proc/self/exe"});
    EXPECT_TRUE(has(libraries, "libc.so"));
    EXPECT_TRUE(has(libraries, "ld-linux"));
    for (const Library& library : libraries) {
        EXPECT_TRUE(is_shared_object(library.path)) << library.path;
        EXPECT_FALSE(library.is_beside);
    }
}

TEST(Closure, FindsALibraryBesideItsUser) {
    const auto libraries = library_closure({VITRINE_USER_OF_BESIDE});
    const auto beside = std::ranges::find(libraries, "libbeside.so", &Library::name);
    ASSERT_NE(beside, libraries.end());
    EXPECT_TRUE(beside->is_beside);
}

TEST(Closure, NamesWhatIsMissing) {
    const test::Scratch scratch;
    const std::string alone = scratch.path() + "/user.so";
    fs::copy_file(VITRINE_USER_OF_BESIDE, alone);
    try {
        (void)library_closure({alone});
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("needs libbeside.so"), std::string::npos);
    }
}

TEST(Tree, WritesNothingThatCanBeExecuted) {
    const test::Scratch scratch;
    Tree tree(scratch.path());
    const std::string script = "/bin/sh";
    tree.copy(script, "/usr/bin/sh");
    tree.write("/etc/x", "content");
    struct stat info{};
    ASSERT_EQ(::stat((scratch.path() + "/usr/bin/sh").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0444U);
    EXPECT_TRUE(tree.has("/etc/x"));
    EXPECT_EQ(tree.files(), 2U);
}

TEST(Staging, IsAllOrNothing) {
    const test::Scratch scratch;
    const std::string target = scratch.path() + "/root";
    {
        const Staging staging(target);
        EXPECT_TRUE(fs::exists(staging.path()));
    }
    EXPECT_TRUE(fs::is_empty(scratch.path()));
    {
        Staging staging(target);
        Tree(staging.path()).write("/.vitrine/python.json", "{}");
        staging.commit();
    }
    EXPECT_TRUE(fs::exists(target + "/.vitrine/python.json"));
    {
        Staging again(target);
        Tree(again.path()).write("/new", "");
        again.commit();
    }
    EXPECT_TRUE(fs::exists(target + "/new"));
    EXPECT_FALSE(fs::exists(target + "/.vitrine"));
    EXPECT_EQ(std::distance(fs::directory_iterator(scratch.path()), {}), 1);
}

TEST(Staging, LeavesForeignDirectoriesAlone) {
    const test::Scratch scratch;
    scratch.write("mine", "precious");
    EXPECT_THROW(Staging{scratch.path()}, UsageError);
    EXPECT_THROW(Staging{scratch.path() + "/mine"}, UsageError);
    EXPECT_TRUE(fs::exists(scratch.path() + "/mine"));
}

TEST(Staging, RemovesWhatADeadBuilderLeft) {
    const test::Scratch scratch;
    const std::string leftover = scratch.path() + "/root.building.4194304";  // Above any pid.
    fs::create_directory(leftover);
    const std::string living = concat(scratch.path(), "/root.building.", ::getppid());
    fs::create_directory(living);
    const Staging staging(scratch.path() + "/root");
    EXPECT_FALSE(fs::exists(leftover));
    EXPECT_TRUE(fs::exists(living));
}

TEST(Description, IsReadBackAsWritten) {
    const test::Scratch scratch;
    const PythonDescription written{.version = "3.11.2",
                                    .soabi = "cpython-311",
                                    .libpython = "/usr/lib/libpython3.11.so",
                                    .libraries = {"/usr/lib/libm.so.6"},
                                    .prefix = "/usr",
                                    .search_path = {"/usr/lib/python3.11"},
                                    .distributions = {{"numpy", "1.24"}}};
    Tree(scratch.path()).write(kDescriptionFile, encode_description(written));
    const PythonDescription read = read_description(scratch.path());
    EXPECT_EQ(encode_description(read), encode_description(written));
}

TEST(Description, SaysWhatIsWrongWithADirectory) {
    const test::Scratch scratch;
    const std::string file = scratch.write("file", "");
    const auto complaint = [](const std::string& directory) {
        try {
            (void)read_description(directory);
        } catch (const UsageError& error) {
            EXPECT_NE(error.hint().find("vitrine rootfs build -o"), std::string::npos);
            return std::string(error.what());
        }
        return std::string("read");
    };
    EXPECT_NE(complaint(scratch.path() + "/none").find("does not exist"), std::string::npos);
    EXPECT_NE(complaint(file).find("is not a directory"), std::string::npos);
    EXPECT_NE(complaint(scratch.path()).find("has no Python"), std::string::npos);
    Tree(scratch.path()).write(kDescriptionFile, "{}");
    EXPECT_NE(complaint(scratch.path()).find("description is broken"), std::string::npos);
}

/// The default rootfs of this build.
class MinimalRootfs : public testing::Test {
  protected:
    static fs::recursive_directory_iterator entries() {
        return fs::recursive_directory_iterator(VITRINE_ROOTFS);
    }
};

TEST_F(MinimalRootfs, HoldsNothingThatCanBeExecutedOrLeadsOut) {
    int files = 0;
    for (const auto& entry : entries()) {
        struct stat info{};
        ASSERT_EQ(::lstat(entry.path().c_str(), &info), 0);
        if (S_ISREG(info.st_mode)) {
            ++files;
            EXPECT_EQ(info.st_mode & 07777U, 0444U) << entry.path();
        } else if (S_ISLNK(info.st_mode)) {
            const fs::path target = fs::read_symlink(entry.path());
            const fs::path inside = target.is_absolute()
                                        ? fs::path(VITRINE_ROOTFS) / target.relative_path()
                                        : entry.path().parent_path() / target;
            EXPECT_TRUE(fs::exists(inside)) << entry.path() << " -> " << target;
            EXPECT_EQ(inside.lexically_normal().string().find(VITRINE_ROOTFS), 0U) << entry.path();
        } else {
            EXPECT_TRUE(S_ISDIR(info.st_mode)) << entry.path();
            EXPECT_EQ(info.st_mode & 07777U, 0755U) << entry.path();
        }
    }
    EXPECT_GT(files, 500);
}

TEST_F(MinimalRootfs, HasBytecodeForEveryModuleThatIsNeverChecked) {
    int modules = 0;
    for (const auto& entry : entries()) {
        if (entry.path().extension() != ".py") continue;
        ++modules;
        const fs::path bytecode =
            entry.path().parent_path() / "__pycache__" /
            (entry.path().stem().string() + ".cpython-" + std::to_string(VITRINE_PYTHON_MAJOR) +
             std::to_string(VITRINE_PYTHON_MINOR) + ".pyc");
        std::ifstream file(bytecode, std::ios::binary);
        ASSERT_TRUE(file) << bytecode;
        std::array<char, 8> header{};
        file.read(header.data(), header.size());
        EXPECT_EQ(header[4], 1) << bytecode;  // PEP 552: hash-based, unchecked.
    }
    EXPECT_GT(modules, 300);
}

TEST(Build, RefusesWhatIsNoFittingPython) {
    const test::Scratch scratch;
    const auto complaint = [&](const BuildRequest& request) {
        try {
            (void)build(request);
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string("built");
    };
    const std::string output = scratch.path() + "/root";
    EXPECT_NE(complaint({.output = output, .python = "/nonexistent/python", .distributions = {}})
                  .find("cannot run"),
              std::string::npos);
    const std::string fake =
        scratch.write("fake", "#!/bin/sh\necho '{\"minor\": \"2.7\", \"libpython\": \"\"}'\n");
    ::chmod(fake.c_str(), 0755);
    EXPECT_NE(
        complaint({.output = output, .python = fake, .distributions = {}}).find("is Python 2.7"),
        std::string::npos);
    EXPECT_NE(complaint({.output = output, .python = {}, .distributions = {"no-such-thing"}})
                  .find("has no distribution no-such-thing"),
              std::string::npos);
    EXPECT_FALSE(fs::exists(output));
}

}  // namespace
}  // namespace vitrine::rootfs
