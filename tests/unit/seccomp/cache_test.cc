// Filters on disk: what is taken from there, and what is not.
#include "seccomp/cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "seccomp/load.h"
#include "support.h"
#include "support/scratch.h"

namespace vitrine::seccomp {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProfile = R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "includes": {"minKernel": "4.8"}}]})";

/// A profile in a file, and a cache that has seen it once.
class CachedFilter : public testing::Test {
  protected:
    CachedFilter() : profile_(scratch_.write("mine.json", kProfile)) {
        fs::permissions(scratch_.path(), fs::perms(0755));
        (void)load();
    }

    Filter load() const { return load_filter(profile_, {scratch_.path(), directory()}); }
    std::string directory() const { return scratch_.path() + "/cache"; }
    fs::path file() const { return fs::directory_iterator(directory())->path(); }

    vitrine::test::Scratch scratch_;
    std::string profile_;
};

TEST_F(CachedFilter, IsTheOneThatWasCompiled) {
    const Filter again = load();
    EXPECT_EQ(again.origin, Origin::kCache);
    EXPECT_EQ(again.profile, profile_);
    EXPECT_EQ(again.action, "allow");
    const Filter compiled = compile_filter("x", kProfile);
    EXPECT_EQ(again.sha256, compiled.sha256);
    ASSERT_EQ(again.programs.size(), 1U);
    EXPECT_EQ(again.programs[0].size(), compiled.programs[0].size());
    EXPECT_EQ(std::distance(fs::directory_iterator(directory()), {}), 1);
}

TEST_F(CachedFilter, IsNotTakenForAnotherProfile) {
    scratch_.write("mine.json", std::string(kProfile) + " ");
    EXPECT_EQ(load().origin, Origin::kCompiled);
    EXPECT_EQ(load().origin, Origin::kCache);
}

TEST_F(CachedFilter, DamagedIsIgnoredAndWrittenAnew) {
    const std::string path = file();
    const std::string whole = read_file(path, kMaxStoredFilter);
    for (std::size_t at = 0; at < whole.size(); at += 97) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        replace_file(path, damaged);
        EXPECT_EQ(load().origin, Origin::kCompiled) << at;
        EXPECT_EQ(read_file(path, kMaxStoredFilter), whole);
    }
    replace_file(path, whole.substr(0, whole.size() / 2));
    EXPECT_EQ(load().origin, Origin::kCompiled);
    replace_file(path, "");
    EXPECT_EQ(load().origin, Origin::kCompiled);
}

TEST_F(CachedFilter, ThatOthersCouldHaveWrittenIsIgnored) {
    fs::permissions(file(), fs::perms(0666));
    EXPECT_EQ(load().origin, Origin::kCompiled);
    EXPECT_EQ(load().origin, Origin::kCache) << "it was replaced by one of ours";
}

TEST_F(CachedFilter, InADirectoryThatOthersCanWriteToIsIgnored) {
    fs::permissions(directory(), fs::perms(0777));
    const Filter filter = load();
    EXPECT_EQ(filter.origin, Origin::kCompiled);
    EXPECT_NE(filter.cache_problem.find("can be written to by others"), std::string::npos);
}

TEST_F(CachedFilter, BelowADirectoryThatOthersCanWriteToIsIgnored) {
    fs::permissions(scratch_.path(), fs::perms(0777));
    EXPECT_EQ(load().origin, Origin::kCompiled);
    fs::permissions(scratch_.path(), fs::perms(0755));
    EXPECT_EQ(load().origin, Origin::kCache);
}

TEST_F(CachedFilter, BehindASymbolicLinkIsIgnored) {
    const fs::path path = file();
    const fs::path moved = scratch_.path() + "/moved.bpf";
    fs::rename(path, moved);
    fs::create_symlink(moved, path);
    EXPECT_EQ(load().origin, Origin::kCompiled);
    EXPECT_FALSE(fs::is_symlink(path));
}

TEST_F(CachedFilter, OfAnotherUserIsIgnored) {
    if (::geteuid() != 0) {
        // Only root can give files away; the suite is run as root, too.
        EXPECT_EQ(load().origin, Origin::kCache);
        return;
    }
    ASSERT_EQ(::chown(file().c_str(), 1000, 1000), 0);
    EXPECT_EQ(load().origin, Origin::kCompiled);
    ASSERT_EQ(::chown(directory().c_str(), 1000, 1000), 0);
    EXPECT_EQ(load().origin, Origin::kCompiled);
}

TEST(Cache, ThatCannotBeMadeSaysWhyAndCostsNothingElse) {
    const vitrine::test::Scratch scratch;
    const std::string profile = scratch.write("mine.json", kProfile);
    const Filter filter = load_filter(profile, {scratch.path(), "/proc/no-such/cache"});
    EXPECT_EQ(filter.origin, Origin::kCompiled);
    EXPECT_NE(filter.cache_problem.find("/proc/no-such/cache"), std::string::npos);
    EXPECT_EQ(load_filter(profile, {scratch.path(), ""}).cache_problem, "");
}

TEST(Cache, KeepsTheNewest256Files) {
    const vitrine::test::Scratch scratch;
    fs::permissions(scratch.path(), fs::perms(0755));
    const std::string directory = scratch.path() + "/cache";
    ASSERT_EQ(::mkdir(directory.c_str(), 0755), 0);
    for (int i = 0; i < 300; ++i) {
        const std::string path = directory + "/" + std::to_string(i);
        replace_file(path, "old");
        fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1000 - i));
    }
    const std::string profile = scratch.write("mine.json", kProfile);
    const FilterSources sources{scratch.path(), directory};
    EXPECT_EQ(load_filter(profile, sources).origin, Origin::kCompiled);
    EXPECT_EQ(std::distance(fs::directory_iterator(directory), {}), 256);
    EXPECT_FALSE(fs::exists(directory + "/0"));
    EXPECT_TRUE(fs::exists(directory + "/299"));
    EXPECT_EQ(load_filter(profile, sources).origin, Origin::kCache);
}

TEST(Cache, ServesManyRunsAtATime) {
    const vitrine::test::Scratch scratch;
    fs::permissions(scratch.path(), fs::perms(0755));
    const std::string profile = scratch.write("mine.json", kProfile);
    const FilterSources sources{scratch.path(), scratch.path() + "/cache"};
    std::vector<pid_t> children;
    for (int i = 0; i < 8; ++i) {
        const pid_t child = ::fork();
        if (child == 0) {
            bool is_right = true;
            for (int round = 0; round < 4; ++round)
                is_right &= load_filter(profile, sources).programs.size() == 1;
            ::_exit(is_right ? 42 : 1);
        }
        children.push_back(child);
    }
    for (const pid_t child : children) {
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    }
    EXPECT_EQ(load_filter(profile, sources).origin, Origin::kCache);
}

TEST(StoredFilter, IsForOneArchitectureAndOneSetOfThem) {
    const std::vector<ProfilePart> parts{{.name = "x", .json = kProfile}};
    const HostFacts host = host_facts();
    const Filter filter = compile_filter(parts, host);
    const std::string bytes = encode_filter(filter, parts, host);
    FilterKey key{filter.sha256, host.arch};
    EXPECT_TRUE(decode_filter(bytes, key, host.kernel));
    key.sub_architectures = SubArchitectures::kOn;
    EXPECT_FALSE(decode_filter(bytes, key, host.kernel));
    key = {filter.sha256, find_architecture("s390x")};
    EXPECT_FALSE(decode_filter(bytes, key, host.kernel));
    key = {std::string(64, 'a'), host.arch};
    EXPECT_FALSE(decode_filter(bytes, key, host.kernel));
}

TEST(StoredFilter, HoldsOnEveryKernelThatAnswersTheSame) {
    const std::vector<ProfilePart> parts{{.name = "x", .json = kProfile}};
    HostFacts host = host_facts();
    host.kernel = {5, 10};
    const Filter filter = compile_filter(parts, host);
    const std::string bytes = encode_filter(filter, parts, host);
    const FilterKey key{filter.sha256, host.arch};
    EXPECT_TRUE(decode_filter(bytes, key, {.major = 6, .minor = 0}));
    EXPECT_TRUE(decode_filter(bytes, key, {.major = 4, .minor = 8}));
    EXPECT_FALSE(decode_filter(bytes, key, {.major = 4, .minor = 7}));
}

}  // namespace
}  // namespace vitrine::seccomp
