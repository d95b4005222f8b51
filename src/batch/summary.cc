#include "batch/summary.h"

#include <array>
#include <cstdio>

#include "base/error.h"
#include "batch/words.h"
#include "runtime/result_json.h"

namespace vitrine::batch {

namespace {

constexpr std::size_t kNamed = 3;  // Of the slowest, the largest and the kinds of failure.
constexpr std::size_t kShownId = 40;

using Text = std::string (*)(std::uint64_t);

std::string row(const char* name, const Distribution& numbers, Text text) {
    std::array<char, 160> line{};
    (void)std::snprintf(line.data(), line.size(), "%-8s%12s%12s%12s%12s", name,
                        text(numbers.quantile(0.5)).c_str(), text(numbers.quantile(0.9)).c_str(),
                        text(numbers.quantile(0.99)).c_str(), text(numbers.max()).c_str());
    return line.data();
}

std::string short_id(const std::string& id) {
    return id.size() <= kShownId ? id : concat(id.substr(0, kShownId - 1), "~");
}

std::string ranked_text(const Ranking& ranking, Text text) {
    std::string line;
    const std::vector<Ranked> all = ranking.sorted();
    for (std::size_t i = 0; i < std::min(all.size(), kNamed); ++i) {
        line += concat(i == 0 ? "" : ", ", short_id(all[i].id), " (", text(all[i].value), ")");
    }
    return line;
}

std::string failure_text(const FailureLog& failures) {
    std::string line;
    const auto kinds = failures.kinds();
    for (std::size_t i = 0; i < std::min(kinds.size(), kNamed); ++i) {
        line += concat(i == 0 ? "" : ", ", grouped(kinds[i].count), " ", kinds[i].name,
                       " (such as ", short_id(kinds[i].example), ")");
    }
    return kinds.size() > kNamed ? line + ", …" : line;
}

}  // namespace

std::string status_text(const StatusCounts& counts) {
    std::string text;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0) continue;
        text += concat(text.empty() ? "" : ", ", grouped(counts[i]), " ",
                       runtime::status_name(static_cast<Status>(i)));
    }
    return text;
}

std::vector<std::string> summary_lines(const Statistics& statistics) {
    const double seconds = statistics.elapsed().count();
    const auto count = static_cast<double>(statistics.count());
    std::vector<std::string> lines;
    lines.push_back(concat(counted(statistics.count(), "job"), " in ",
                           time_text(static_cast<std::uint64_t>(seconds * 1e6)), ", ",
                           rate_text(seconds > 0 ? count / seconds : 0), "/s",
                           statistics.count() == 0 ? "" : ": ", status_text(statistics.by_status()),
                           "; ", grouped(statistics.failed()), " failed"));
    if (statistics.wall().count() == 0) return lines;
    lines.emplace_back("                 p50         p90         p99         max");
    lines.push_back(row("wall", statistics.wall(), &time_text));
    lines.push_back(row("CPU", statistics.cpu(), &time_text));
    if (statistics.memory().count() > 0) {
        lines.push_back(row("memory", statistics.memory(), &memory_text));
    }
    lines.push_back(concat("slowest: ", ranked_text(statistics.slowest(), &time_text)));
    if (statistics.memory().count() > 0) {
        lines.push_back(concat("largest: ", ranked_text(statistics.largest(), &memory_text)));
    }
    if (statistics.failed() > 0) {
        lines.push_back(concat("failed:  ", failure_text(statistics.failures())));
    }
    return lines;
}

std::string zygotes_text(const std::vector<runtime::Zygote>& zygotes) {
    if (zygotes.empty()) return {};
    std::uint64_t bytes = 0;
    std::size_t processes = 0;
    for (const runtime::Zygote& zygote : zygotes) {
        bytes += zygote.memory_bytes;
        processes += zygote.processes;
    }
    return concat(counted(zygotes.size(), "warm interpreter"), ", ", memory_text(bytes), " for ",
                  processes, processes == 1 ? " process" : " processes");
}

}  // namespace vitrine::batch
