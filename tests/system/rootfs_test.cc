// The verb `rootfs`, as its users call it.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

namespace fs = std::filesystem;

Answer call_rootfs(std::vector<std::string> words) {
    words.insert(words.begin(), "rootfs");
    return run_vitrine({.arguments = std::move(words), .input = {}, .environment = {}});
}

/// A rootfs of the test's own, which it may break.
class OwnRootfs : public testing::Test {
  protected:
    OwnRootfs() : directory_(scratch_.path() + "/root") {
        const Answer answer = call_rootfs({"build", "-q", "-o", directory_, "--recipe", "minimal"});
        EXPECT_EQ(answer.exit_code, 0) << answer.err;
    }

    Scratch scratch_;
    std::string directory_;
};

TEST_F(OwnRootfs, IsVerifiedUntilSomethingChanges) {
    EXPECT_EQ(call_rootfs({"verify", directory_}).exit_code, 0);
    const std::string module = directory_ + "/usr/lib/python3.11/json/decoder.py";
    ASSERT_TRUE(fs::remove(module));
    fs::create_symlink("/etc/shadow", directory_ + "/etc/planted");
    const Answer answer = call_rootfs({"verify", directory_});
    EXPECT_EQ(answer.exit_code, 1);
    EXPECT_NE(answer.out.find("missing  /usr/lib/python3.11/json/decoder.py"), std::string::npos);
    EXPECT_NE(answer.out.find("added  /etc/planted"), std::string::npos);
    const auto json = nlohmann::json::parse(call_rootfs({"verify", "--json", directory_}).out);
    EXPECT_EQ(json["ok"], false);
    EXPECT_EQ(json["differences"].size(), 2U);
}

TEST_F(OwnRootfs, IsShownAsTextAndAsJson) {
    const Answer text = call_rootfs({"show", directory_});
    EXPECT_EQ(text.exit_code, 0);
    EXPECT_NE(text.out.find("recipe minimal"), std::string::npos) << text.out;
    const auto json = nlohmann::json::parse(call_rootfs({"show", "--json", directory_}).out);
    EXPECT_TRUE(json["python"].get<std::string>().starts_with("3."));
    EXPECT_LT(json["bytes"], 60 << 20);
    EXPECT_TRUE(json["content_id"].get<std::string>().starts_with("sha256:"));
}

TEST_F(OwnRootfs, IsBuiltToTheSameContentAgain) {
    const std::string again = scratch_.path() + "/again";
    ASSERT_EQ(call_rootfs({"build", "-q", "-o", again}).exit_code, 0);
    const auto id = [](const std::string& directory) {
        return nlohmann::json::parse(call_rootfs({"show", "--json", directory}).out)["content_id"];
    };
    EXPECT_EQ(id(again), id(directory_));
}

TEST(Rootfs, TakesAVirtualEnvironmentByItsRecords) {
    const Scratch scratch;
    const std::string environment = scratch.path() + "/venv";
    const std::string site = environment + "/lib/python3.11/site-packages";
    fs::create_directories(site + "/taken-1.0.dist-info");
    fs::create_directories(site + "/taken");
    fs::create_directories(environment + "/bin");
    fs::create_symlink(VITRINE_PYTHON, environment + "/bin/python3");
    scratch.write("venv/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\n");
    const std::string inside = "venv/lib/python3.11/site-packages/";
    scratch.write(inside + "taken/__init__.py", "ANSWER = 42\n");
    scratch.write(inside + "taken/unrecorded.py", "");
    scratch.write(inside + "taken-1.0.dist-info/METADATA",
                  "Metadata-Version: 2.1\nName: taken\nVersion: 1.0\n");
    scratch.write(inside + "taken-1.0.dist-info/RECORD",
                  "taken/__init__.py,,\ntaken-1.0.dist-info/METADATA,,\n../../../bin/tool,,\n");
    const std::string root = scratch.path() + "/root";
    const Answer built = call_rootfs({"build", "-q", "-o", root, "--from-venv", environment});
    ASSERT_EQ(built.exit_code, 0) << built.err;
    EXPECT_FALSE(fs::exists(root + "/usr/lib/python3.11/site-packages/taken/unrecorded.py"));
    const auto result =
        result_unvalidated("import taken, vitrine\nvitrine.result([taken.ANSWER, taken.__file__])",
                           {"--rootfs", root});
    EXPECT_EQ(result["value"],
              nlohmann::json::array({42, "/usr/lib/python3.11/site-packages/taken/__init__.py"}))
        << result;
}

std::vector<std::string> executables_in(const std::string& directory) {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
        if (entry.symlink_status().type() != fs::file_type::regular) continue;
        const bool is_executable =
            (entry.status().permissions() & fs::perms::owner_exec) != fs::perms::none;
        if (is_executable) found.push_back(entry.path().filename());
    }
    std::ranges::sort(found);
    return found;
}

TEST(Rootfs, HoldsTheCommandsThatWereAskedForAndNoOther) {
    const Scratch scratch;
    const std::string root = scratch.path() + "/root";
    const Answer built = call_rootfs({"build", "-q", "-o", root, "--with-command", "busybox,cat"});
    ASSERT_EQ(built.exit_code, 0) << built.err;
    const std::string loader = "ld-linux-x86-64.so.2";
    EXPECT_EQ(executables_in(root), (std::vector<std::string>{"busybox", "cat", loader, loader}));
    const Call echo{.arguments = {"echo", "runs"}, .input = {}, .environment = {}};
    EXPECT_EQ(run_program(root + "/usr/bin/busybox", echo).out, "runs\n");
    EXPECT_EQ(call_rootfs({"verify", root}).exit_code, 0);
    EXPECT_EQ(call_rootfs({"build", "-q", "-o", root, "--with-command", "ldd"}).exit_code, 125);
    EXPECT_TRUE(fs::exists(root + "/usr/bin/cat"));  // It is what it was.
}

TEST(Rootfs, SaysWhatIsWrongWithACall) {
    const Scratch scratch;
    const auto complaint = [](std::vector<std::string> words) {
        const Answer answer = call_rootfs(std::move(words));
        EXPECT_EQ(answer.exit_code, 125);
        return answer.err;
    };
    EXPECT_NE(complaint({"verify", scratch.path()}).find("has no Python"), std::string::npos);
    EXPECT_NE(complaint({"build", "-o", scratch.path() + "/x", "--recipe", "none"})
                  .find("known: debian, minimal"),
              std::string::npos);
    EXPECT_NE(complaint({"build"}).find("--output is required"), std::string::npos);
}

}  // namespace
}  // namespace vitrine::test
