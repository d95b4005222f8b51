#include "batch/report.h"

#include <time.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "runtime/result_json.h"

// Made from report.html; see meson.build.
extern "C" {
extern const char _binary_batch_report_start[];
extern const char _binary_batch_report_end[];
}

namespace vitrine::batch {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kBars = 40;
constexpr std::string_view kPlaceholder = "@DATA@";

Json distribution_json(const Distribution& numbers) {
    Json bars = Json::array();
    for (const Distribution::Bar& bar : numbers.bars(kBars))
        bars.push_back({{"from", bar.from}, {"to", bar.to}, {"count", bar.count}});
    return {{"count", numbers.count()},     {"p50", numbers.quantile(0.5)},
            {"p90", numbers.quantile(0.9)}, {"p99", numbers.quantile(0.99)},
            {"max", numbers.max()},         {"exact", numbers.is_exact()},
            {"bars", std::move(bars)}};
}

Json ranking_json(const Ranking& ranking) {
    Json list = Json::array();
    for (const Ranked& job : ranking.sorted())
        list.push_back({{"id", job.id}, {"value", job.value}});
    return list;
}

Json timeline_json(const Timeline& timeline) {
    Json bars = Json::array();
    for (const Timeline::Bar& bar : timeline.bars()) {
        bars.push_back(
            {bar.worker, bar.start, bar.end, static_cast<std::size_t>(bar.status), bar.id});
    }
    return {{"rows", timeline.workers()},
            {"width_us", timeline.slice_width()},
            {"ended", timeline.ended()},
            {"shows_all", timeline.shows_all()},
            {"bars", std::move(bars)},
            {"busy", timeline.shows_all() ? Json::array() : Json(timeline.busy())}};
}

Json kinds_json(const FailureLog& failures) {
    Json list = Json::array();
    for (const FailureLog::Kind& kind : failures.kinds()) {
        list.push_back({{"name", kind.name},
                        {"status", runtime::status_name(kind.status)},
                        {"count", kind.count},
                        {"example", kind.example}});
    }
    return list;
}

Json failures_json(const FailureLog& failures) {
    Json list = Json::array();
    for (const Failure& failure : failures.first()) {
        list.push_back({{"id", failure.id},
                        {"status", runtime::status_name(failure.status)},
                        {"kind", failure.kind},
                        {"message", failure.message},
                        {"exit_code", failure.exit_code}});
    }
    return list;
}

std::string now_text() {
    const time_t now = ::time(nullptr);
    tm parts{};
    std::array<char, 64> text{};
    if (::localtime_r(&now, &parts) == nullptr) return {};
    (void)::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
    return text.data();
}

Json status_json(const StatusCounts& counts, Json& names) {
    Json list = Json::array();
    for (std::size_t i = 0; i < counts.size(); ++i) {
        const std::string name = runtime::status_name(static_cast<Status>(i));
        names.push_back(name);
        list.push_back({{"name", name}, {"count", counts[i]}});
    }
    return list;
}

Json data_of(const Statistics& statistics, const ReportFacts& facts) {
    Json names = Json::array();
    Json statuses = status_json(statistics.by_status(), names);
    const auto elapsed = static_cast<std::uint64_t>(statistics.elapsed().count() * 1e6);
    return {{"version", VITRINE_VERSION},
            {"input", facts.input == "-" ? "standard input" : facts.input},
            {"workers", facts.workers},
            {"complete", facts.is_complete},
            {"skipped", facts.skipped},
            {"finished", now_text()},
            {"jobs", statistics.count()},
            {"failed", statistics.failed()},
            {"elapsed_us", elapsed},
            {"names", std::move(names)},
            {"statuses", std::move(statuses)},
            {"wall_us", distribution_json(statistics.wall())},
            {"cpu_us", distribution_json(statistics.cpu())},
            {"memory_bytes", distribution_json(statistics.memory())},
            {"slowest", ranking_json(statistics.slowest())},
            {"largest", ranking_json(statistics.largest())},
            {"kinds", kinds_json(statistics.failures())},
            {"failures", failures_json(statistics.failures())},
            {"timeline", timeline_json(statistics.timeline())}};
}

/// JSON that cannot end the element it stands in: in it these only occur within strings.
std::string for_script(const Json& json) {
    std::string out;
    for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace)) {
        if (c == '<') {
            out += "\\u003c";
        } else if (c == '>') {
            out += "\\u003e";
        } else if (c == '&') {
            out += "\\u0026";
        } else {
            out.push_back(c);
        }
    }
    return out;
}

}  // namespace

std::string render_report(const Statistics& statistics, const ReportFacts& facts) {
    const std::string_view page(_binary_batch_report_start, _binary_batch_report_end);
    const std::size_t at = page.find(kPlaceholder);
    return concat(page.substr(0, at), for_script(data_of(statistics, facts)),
                  page.substr(at + kPlaceholder.size()));
}

}  // namespace vitrine::batch
