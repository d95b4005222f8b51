// The page that --report writes, as a browser shows it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <regex>

#include "base/error.h"
#include "base/file.h"
#include "support/batch.h"
#include "support/scratch.h"

namespace vitrine::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kEnough = std::size_t{64} << 20;

/// What a job must not be able to do to the page: end its script, open an element, run.
constexpr const char* kHostile =
    R"(</script><script>document.title='owned'</script><img src=x onerror=document.title='owned'>)";

/// Runs Chromium over a page; what it prints is returned. It refuses its own sandbox as root, and
/// without a namespace of its own it has none: the page is ours.
std::string browse(const Scratch& scratch, const std::string& page, const std::string& action) {
    const std::string home = scratch.path() + "/chromium";
    const std::string output = scratch.path() + "/chromium.out";
    const std::string command = concat(
        "HOME=", home, " XDG_CONFIG_HOME=", home, " XDG_CACHE_HOME=", home,
        " timeout -k 5 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage "
        "--hide-scrollbars --window-size=1200,2400 --user-data-dir=",
        home, " ", action, " 'file://", page, "' >", output, " 2>", output, ".err </dev/null");
    EXPECT_EQ(std::system(command.c_str()), 0)  // NOLINT(cert-env33-c): a fixed command.
        << read_file(output + ".err", kEnough);
    return read_file(output, kEnough);
}

/// The text of the element that shows a number: `data-key="jobs">12<`.
std::string shown(const std::string& dom, const std::string& key) {
    const std::regex element(concat("data-key=\"", key, "\"[^>]*>([^<]*)<"));
    std::smatch found;
    return std::regex_search(dom, found, element) ? found[1].str() : "(not shown)";
}

/// The number that `share` of all do not exceed.
double quantile(std::vector<double> numbers, double share) {
    std::ranges::sort(numbers);
    const auto rank = std::ceil(share * static_cast<double>(numbers.size()));
    return numbers[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

/// As the page writes milliseconds.
std::string milliseconds(double ms) {
    const double us = std::round(ms * 1e3);
    if (us < 1e3) return concat(static_cast<int>(us), " us");
    const double value = us < 1e6 ? us / 1e3 : us / 1e6;
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), "%.*f",
                        value < 10    ? 2
                        : value < 100 ? 1
                                      : 0,
                        value);
    return concat(text.data(), us < 1e6 ? " ms" : " s");
}

/// The page of a batch with every kind of end, and its results.
struct Page {
    Page() {
        std::vector<nlohmann::json> jobs;
        for (int i = 0; i < 30; ++i)
            jobs.push_back({{"source", concat("sum(range(", i * 20'000, "))")}});
        jobs.push_back(
            {{"id", kHostile},
             {"source", concat("raise ValueError(", R"(""")", kHostile, R"(""")", ")")}});
        jobs.push_back({{"source", "import os"}});
        jobs.push_back({{"source", "while True: pass"}, {"limits", {{"timeout", "300ms"}}}});
        jobs.push_back({{"sorce", ""}});
        const Answer answer = batch(lines_of(jobs), {"-q", "--report", path});
        results = results_in(answer.out);
    }

    std::size_t count(const std::string& status) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            results, [&](const auto& result) { return result["status"] == status; }));
    }
    std::vector<double> walls() const {
        std::vector<double> all;
        for (const auto& result : results) {
            if (result["status"] != "setup_error") all.push_back(result["usage"]["wall_ms"]);
        }
        return all;
    }

    Scratch scratch;
    std::string path = scratch.path() + "/report.html";
    std::vector<nlohmann::json> results;
};

TEST(Report, ShowsTheNumbersOfTheResults) {
    const Page page;
    ASSERT_EQ(page.results.size(), 34U);
    const std::string dom = browse(page.scratch, page.path, "--dump-dom");
    EXPECT_EQ(shown(dom, "jobs"), "34");
    EXPECT_EQ(shown(dom, "failed"), "4");
    for (const char* status : {"exited", "rejected", "timeout", "setup_error"})
        EXPECT_EQ(shown(dom, concat("status.", status)), std::to_string(page.count(status)));
    EXPECT_EQ(shown(dom, "status.memory"), "(not shown)");
    EXPECT_EQ(shown(dom, "wall.p50"), milliseconds(quantile(page.walls(), 0.5)));
    EXPECT_EQ(shown(dom, "wall.max"), milliseconds(quantile(page.walls(), 1)));
}

TEST(Report, WhatAJobSaysIsTextAndNothingElse) {
    const Page page;
    const std::string dom = browse(page.scratch, page.path, "--dump-dom");
    EXPECT_THAT(dom, HasSubstr("<title>Vitrine batch: standard input</title>"));
    EXPECT_THAT(dom, Not(HasSubstr("<img")));
    // It is there, and readable.
    EXPECT_THAT(dom, HasSubstr("&lt;/script&gt;&lt;script&gt;document.title='owned'"));
    // A page that does take it in shows that this test can tell.
    const std::string control = page.scratch.write("control.html", concat("<p>", kHostile));
    EXPECT_THAT(browse(page.scratch, control, "--dump-dom"), HasSubstr("<title>owned</title>"));
}

TEST(Report, NeedsNothingFromElsewhere) {
    const Page page;
    const std::string text = read_file(page.path, kEnough);
    EXPECT_THAT(text, HasSubstr("default-src 'none'"));
    for (const char* outside : {"https://", "src=\"", "href=", "@import", "url("})
        EXPECT_THAT(text, Not(HasSubstr(outside))) << outside;
}

/// The different bytes of a PNG's picture, as its filters leave them: few when it shows nothing.
std::size_t variety(const std::string& png) {
    std::string packed;
    for (std::size_t at = 8; at + 12 <= png.size();) {
        std::size_t length = 0;
        for (std::size_t i = 0; i < 4; ++i)
            length = length << 8U | static_cast<unsigned char>(png[at + i]);
        if (png.compare(at + 4, 4, "IDAT") == 0) packed += png.substr(at + 8, length);
        at += length + 12;
    }
    std::vector<unsigned char> raw(std::size_t{32} << 20);
    uLongf size = raw.size();
    EXPECT_EQ(::uncompress(raw.data(), &size, reinterpret_cast<const Bytef*>(packed.data()),
                           packed.size()),
              Z_OK);
    std::array<bool, 256> seen{};
    for (std::size_t i = 0; i < size; ++i)
        seen.at(raw[i]) = true;
    return static_cast<std::size_t>(std::ranges::count(seen, true));
}

TEST(Report, IsNoBlankPage) {
    const Page page;
    const auto shoot = [&](const std::string& path) {
        const std::string shot = page.scratch.path() + "/shot.png";
        std::filesystem::remove(shot);
        browse(page.scratch, path, "--screenshot=" + shot);
        return variety(read_file(shot, kEnough));
    };
    EXPECT_GT(shoot(page.path), 200U);
    EXPECT_LT(shoot(page.scratch.write("blank.html", "<html></html>")), 10U);
}

TEST(Report, StaysSmallHoweverManyJobsThereAre) {
    std::string lines;
    for (int i = 0; i < 5000; ++i)
        lines += "nonsense " + std::string(100, 'x') + "\n";
    const Scratch scratch;
    const std::string path = scratch.path() + "/report.html";
    EXPECT_EQ(batch(lines, {"-q", "--report", path}).exit_code, 1);
    EXPECT_LT(std::filesystem::file_size(path), 150'000U);
    EXPECT_THAT(read_file(path, kEnough), HasSubstr("\"failed\":5000"));
}

}  // namespace
}  // namespace vitrine::test
