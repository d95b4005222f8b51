#include "batch/failure.h"

#include <string.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/units.h"
#include "runtime/result_json.h"

namespace vitrine::batch {

namespace {

constexpr std::size_t kMaxKind = 80;
constexpr std::size_t kMaxMessage = 500;
constexpr std::size_t kMaxKinds = 64;
constexpr std::size_t kMaxFirst = 200;

/// At most `most` bytes, never half a character.
std::string shortened(std::string_view text, std::size_t most) {
    if (text.size() <= most) return std::string(text);
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
        --end;
    return concat(text.substr(0, end), "…");
}

std::string signal_text(int signal) {
    const char* name = ::sigabbrev_np(signal);
    return name != nullptr ? concat("SIG", name) : concat("signal ", signal);
}

std::string limit_text(const std::optional<LimitHit>& limit) {
    if (!limit) return {};
    const bool is_time = limit->name == "timeout" || limit->name == "cpu-time";
    const auto show = [is_time](std::uint64_t value) {
        return is_time ? format_duration(Nanoseconds(static_cast<std::int64_t>(value)))
                       : format_bytes(value);
    };
    return concat("limit of ", show(limit->value), " (--", limit->name, "), used ",
                  show(limit->observed));
}

/// Kind and message.
using Words = std::pair<std::string, std::string>;

Words words_of_exit(const Result& result) {
    if (!result.exception) return {concat("exit code ", result.exit_code.value_or(0)), {}};
    const ExceptionClaim& claim = *result.exception;
    const std::string place =
        claim.file.empty() ? std::string() : concat(" (", claim.file, ":", claim.line, ")");
    return {claim.type, concat(claim.type, ": ", claim.message, place)};
}

Words words_of_refusal(const Result& result) {
    const auto error = std::ranges::find(result.findings, Severity::kError, &Finding::severity);
    if (error == result.findings.end()) return {"refused", {}};
    const std::string place = error->line == 0 ? std::string() : concat("line ", error->line, ": ");
    return {concat(error->id, " ", error->rule), concat(place, error->message)};
}

Words words_of(const Result& result) {
    switch (result.status) {
        case Status::kExited:
            return words_of_exit(result);
        case Status::kSignaled:
            return {signal_text(result.signal.value_or(0)), {}};
        case Status::kRejected:
            return words_of_refusal(result);
        case Status::kSetupError:
            if (!result.error) return {"setup_error", {}};
            return {concat("setup_error: ", result.error->step), result.error->message};
        default:
            return {runtime::status_name(result.status), limit_text(result.limit)};
    }
}

}  // namespace

bool is_failure(const runtime::RunReport& report) {
    return report.exit_code != 0;
}

Failure failure_of(const runtime::RunReport& report) {
    auto [kind, message] = words_of(report.result);
    return {.id = report.result.id,
            .status = report.result.status,
            .kind = shortened(kind, kMaxKind),
            .message = shortened(message, kMaxMessage),
            .exit_code = report.exit_code};
}

void FailureLog::add(Failure failure) {
    ++count_;
    auto found = kinds_.find(failure.kind);
    if (found == kinds_.end()) {
        const std::string name = kinds_.size() < kMaxKinds ? failure.kind : "others";
        found = kinds_.try_emplace(name, Kind{name, failure.status, 0, failure.id}).first;
    }
    ++found->second.count;
    if (first_.size() < kMaxFirst) first_.push_back(std::move(failure));
}

std::vector<FailureLog::Kind> FailureLog::kinds() const {
    std::vector<Kind> all;
    for (const auto& [name, kind] : kinds_)
        all.push_back(kind);
    std::ranges::stable_sort(all, std::greater{}, &Kind::count);
    return all;
}

}  // namespace vitrine::batch
