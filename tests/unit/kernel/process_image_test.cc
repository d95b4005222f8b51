#include "kernel/process_image.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/fd.h"
#include "base/file.h"
#include "kernel/process_image_head.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine {
namespace {

using kernel::Misfit;
using test::Answer;

constexpr const char* kLabel = "label";

std::string program() {
    return executable_directory() + "/image-program";
}

Answer run(std::vector<std::string> words) {
    return test::run_program(program(), {.arguments = std::move(words)});
}

class ProcessImage : public testing::Test {
  protected:
    void SetUp() override {
        const Answer made = run({"make", path_, kLabel});
        ASSERT_EQ(made.exit_code, 0) << made.out << made.err;
        ASSERT_EQ(made.out, "kept\n");
    }

    Answer go(const std::string& task, const std::string& label = kLabel) const {
        return run({"go", path_, label, task});
    }

    void overwrite(off_t offset, std::string_view bytes) const {
        const UniqueFd file = open_file(path_, O_WRONLY);
        ASSERT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), offset),
                  static_cast<ssize_t>(bytes.size()));
    }

    /// It says why, and goes its own way as if nothing had been tried.
    void expect_misfit(Misfit misfit, const Answer& answer) const {
        EXPECT_EQ(answer.exit_code, 1) << answer.out << answer.err;
        EXPECT_EQ(answer.out,
                  std::string("51943040\n7 thrown 9 now cpu 4096 3 loaded 5000 on its stack\n") +
                      "misfit " + std::to_string(static_cast<int>(misfit)) + "\n");
    }

    test::Scratch scratch_;
    std::string path_ = scratch_.path() + "/image";
};

TEST_F(ProcessImage, HoldsWhatItsMakerMade) {
    const Answer answer = go("tell");
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_EQ(answer.out, "1000 1000 999\n");
}

TEST_F(ProcessImage, CanBeGoneOnFromAgainAndAgain) {
    for (int i = 0; i < 20; ++i)
        ASSERT_EQ(go("tell").out, "1000 1000 999\n");
}

TEST_F(ProcessImage, GrowsItsHeap) {
    EXPECT_EQ(go("grow").out, "51943040\n");
}

TEST_F(ProcessImage, HasAWholeCLibrary) {
    EXPECT_EQ(go("library").out, "7 thrown 9 now cpu 4096 3 loaded 5000 on its stack\n");
}

TEST_F(ProcessImage, LosesWhatTheProcessHadBefore) {
    EXPECT_EQ(go("look-back").out, "there gone unmapped\n");
}

TEST_F(ProcessImage, HasAStackCanaryOfItsOwn) {
    const std::string first = go("canary").out;
    EXPECT_GT(first.size(), 5U);
    EXPECT_NE(first, go("canary").out);
}

TEST_F(ProcessImage, HoldsNothingThatNoForkMayHave) {
    EXPECT_EQ(go("secret").out, "empty empty own\n");
}

TEST_F(ProcessImage, KeepsWhatItsMakerDoesAboutSignals) {
    EXPECT_EQ(go("signals").out, "2\n");
}

/// The last step that can fail: all before it is undone.
TEST_F(ProcessImage, LeavesEverythingAsItWasWhereItsHeapCannotBePlaced) {
    const std::uint64_t nowhere = 1;
    overwrite(offsetof(kernel::ImageHead, memory) + offsetof(prctl_mm_map, brk),
              {reinterpret_cast<const char*>(&nowhere), sizeof nowhere});
    expect_misfit(Misfit::kKernel, go("tell"));
}

TEST_F(ProcessImage, HoldsNoFramesOfItsMaker) {
    EXPECT_EQ(go("stack").out, "no frames arguments\n");
}

TEST_F(ProcessImage, GivesThreadsTheStackThatThisProcessAllows) {
    const auto under = [&](const char* limit) {
        const std::string command = std::string("ulimit -s ") + limit + "; exec \"$@\"";
        return test::run_program("/bin/sh", {.arguments = {"-c", command, "sh", program(), "go",
                                                           path_, kLabel, "threads"}})
            .out;
    };
    EXPECT_EQ(under("1000"), "1000\n");
    EXPECT_EQ(under("64000"), "64000\n");
}

TEST_F(ProcessImage, IsMappedWhereThereIsRoom) {
    const std::string command = "ulimit -v 10000; exec \"$@\"";
    const Answer answer = test::run_program(
        "/bin/sh", {.arguments = {"-c", command, "sh", program(), "go", path_, kLabel, "room"}});
    EXPECT_NE(answer.out.find("misfit " + std::to_string(static_cast<int>(Misfit::kRoom))),
              std::string::npos)
        << answer.out << answer.err;
}

TEST_F(ProcessImage, IsOfOneLabel) {
    expect_misfit(Misfit::kLabel, go("tell", "another"));
    expect_misfit(Misfit::kLabel, go("tell", "labe"));
}

// The head's first words: magic, then what the image was made by and on.
TEST_F(ProcessImage, IsOfOneProgramProcessorAndKernel) {
    std::string head = read_file(path_, std::size_t{64} << 20).substr(0, 32);
    const auto change = [&](std::size_t word) {
        std::string changed = head;
        changed[word * 8] = static_cast<char>(changed[word * 8] + 1);
        overwrite(0, changed);
    };
    change(1);
    expect_misfit(Misfit::kProgram, go("tell"));
    change(2);
    expect_misfit(Misfit::kProcessor, go("tell"));
    change(3);
    expect_misfit(Misfit::kKernel, go("tell"));
    change(0);
    expect_misfit(Misfit::kDamaged, go("tell"));
    overwrite(0, head);
    EXPECT_EQ(go("tell").exit_code, 0);
}

TEST_F(ProcessImage, IsWhole) {
    const auto size = std::filesystem::file_size(path_);
    std::filesystem::resize_file(path_, size + 1);
    expect_misfit(Misfit::kDamaged, go("tell"));
    std::filesystem::resize_file(path_, size - 1);
    expect_misfit(Misfit::kDamaged, go("tell"));
    std::filesystem::resize_file(path_, 100);
    expect_misfit(Misfit::kDamaged, go("tell"));
    std::filesystem::resize_file(path_, 0);
    expect_misfit(Misfit::kDamaged, go("tell"));
}

TEST_F(ProcessImage, TakesNobodysPlace) {
    expect_misfit(Misfit::kPlace, go("taken"));
}

TEST(ProcessImageMaking, TakesTheLayout) {
    const test::Scratch scratch;
    const Answer answer = run({"make", scratch.path() + "/image", "unasked"});
    EXPECT_EQ(answer.exit_code, 3);
    EXPECT_NE(answer.out.find("layout"), std::string::npos) << answer.out;
}

TEST(ProcessImageMaking, TakesASingleThread) {
    const test::Scratch scratch;
    const Answer answer = run({"make", scratch.path() + "/image", "threaded"});
    EXPECT_EQ(answer.exit_code, 3);
    EXPECT_NE(answer.out.find("threads"), std::string::npos) << answer.out;
}

}  // namespace
}  // namespace vitrine
