#include "runtime/result_json.h"

#include <string.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "runtime/text.h"

namespace vitrine::runtime {

namespace {

using Json = nlohmann::ordered_json;

template <typename Value>
Json or_null(const std::optional<Value>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            const auto byte = k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U;
            group = group << 8U | byte;
        }
        for (std::size_t k = 0; k < 4; ++k) {
            const std::uint32_t index = group >> (18 - 6 * k) & 63U;
            out.push_back(k <= count ? kAlphabet[index] : '=');
        }
    }
    return out;
}

Json stream_json(const Output& output) {
    return {{"text", output.bytes},
            {"base64", is_utf8(output.bytes) ? Json(nullptr) : Json(base64(output.bytes))},
            {"bytes_total", output.bytes_total},
            {"bytes_kept", output.bytes_kept},
            {"truncated", output.truncated}};
}

Json exception_json(const std::optional<ExceptionClaim>& exception) {
    if (!exception) return nullptr;
    return {{"type", exception->type},
            {"message", exception->message},
            {"file", text_or_null(exception->file)},
            {"line", exception->line == 0 ? Json(nullptr) : Json(exception->line)}};
}

Json findings_json(const std::vector<Finding>& findings) {
    Json list = Json::array();
    for (const Finding& finding : findings) {
        list.push_back({{"id", finding.id},
                        {"rule", finding.rule},
                        {"message", finding.message},
                        {"hint", finding.hint},
                        {"line", finding.line == 0 ? Json(nullptr) : Json(finding.line)},
                        {"column", finding.column == 0 ? Json(nullptr) : Json(finding.column)},
                        {"severity", finding.severity == Severity::kError ? "error" : "warning"}});
    }
    return list;
}

/// 64 bits are more than every reader of JSON keeps of a number.
std::string hexadecimal(std::uint64_t value) {
    std::array<char, 16> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(), value, 16).ptr;
    return concat("0x", std::string_view(digits.begin(), end));
}

Json denied_json(const std::vector<DeniedCall>& denied) {
    Json list = Json::array();
    for (const DeniedCall& call : denied) {
        Json arguments = Json::array();
        for (const std::uint64_t argument : call.arguments)
            arguments.push_back(hexadecimal(argument));
        list.push_back({{"name", call.name},
                        {"nr", call.number},
                        {"arch", call.architecture},
                        {"errno", call.error_number},
                        {"count", call.count},
                        {"args", std::move(arguments)},
                        {"rule", call.rule},
                        {"allowed_by", call.allowed_by}});
    }
    return list;
}

Json usage_json(const Usage& usage) {
    return {{"wall_ms", usage.wall_ms},
            {"cpu_user_ms", usage.cpu_user_ms},
            {"cpu_sys_ms", usage.cpu_sys_ms},
            {"memory_peak_bytes", or_null(usage.memory_peak_bytes)},
            {"memory_source", text_or_null(usage.memory_source)},
            {"pids_peak", or_null(usage.pids_peak)},
            {"pids_limit_hits", or_null(usage.pids_limit_hits)},
            {"oom_kills", or_null(usage.oom_kills)},
            {"throttled_ms", or_null(usage.throttled_ms)}};
}

Json isolation_json(const Isolation& isolation) {
    return {{"namespaces", isolation.namespaces},
            {"seccomp",
             {{"profile", isolation.seccomp_profile},
              {"sha256", isolation.seccomp_sha256},
              {"action", isolation.seccomp_action}}},
            {"landlock_abi", isolation.landlock_abi},
            {"no_new_privs", isolation.no_new_privs},
            {"uid", isolation.uid},
            {"host_uid", isolation.host_uid},
            {"capabilities", isolation.capabilities},
            {"limits_backend", isolation.limits_backend},
            {"degraded", isolation.degraded}};
}

Json timings_json(const Timings& timings) {
    Json json{{"prepare", timings.prepare},   {"fork", timings.fork},
              {"enter", timings.enter},       {"seccomp", timings.seccomp},
              {"validate", timings.validate}, {"run", timings.run},
              {"teardown", timings.teardown}, {"total", timings.total}};
    if (timings.held > 0) json["held"] = timings.held;
    return json;
}

Json limit_json(const std::optional<LimitHit>& limit) {
    if (!limit) return nullptr;
    return {{"name", limit->name}, {"value", limit->value}, {"observed", limit->observed}};
}

Json artifacts_json(const std::vector<Artifact>& artifacts) {
    Json list = Json::array();
    for (const Artifact& artifact : artifacts) {
        list.push_back(
            {{"path", artifact.path}, {"bytes", artifact.bytes}, {"sha256", artifact.sha256}});
    }
    return list;
}

Json refused_json(const std::vector<RefusedArtifact>& refused) {
    Json list = Json::array();
    for (const RefusedArtifact& entry : refused)
        list.push_back({{"path", entry.path}, {"reason", entry.reason}});
    return list;
}

Json error_json(const std::optional<SetupError>& error) {
    if (!error) return nullptr;
    return {{"step", error->step},
            {"syscall", text_or_null(error->syscall)},
            {"errno", error->error_number == 0 ? Json(nullptr) : Json(error->error_number)},
            {"message", error->message},
            {"hint", text_or_null(error->hint)},
            {"line", error->line == 0 ? Json(nullptr) : Json(error->line)},
            {"cause", text_or_null(error->cause)}};
}

/// `SIGKILL`; the real-time signals, which have no name, as `SIGRTMIN+N` would tell nobody more
/// than their number.
Json signal_name_json(const std::optional<int>& signal) {
    if (!signal) return nullptr;
    const char* name = ::sigabbrev_np(*signal);
    return name != nullptr ? concat("SIG", name) : concat("SIG", *signal);
}

}  // namespace

const char* status_name(Status status) {
    switch (status) {
        case Status::kExited:
            return "exited";
        case Status::kSignaled:
            return "signaled";
        case Status::kTimeout:
            return "timeout";
        case Status::kCpuTimeout:
            return "cpu_timeout";
        case Status::kMemory:
            return "memory";
        case Status::kOutputLimit:
            return "output_limit";
        case Status::kRejected:
            return "rejected";
        case Status::kSetupError:
            break;
    }
    return "setup_error";
}

std::string to_json(const Result& result) {
    const auto text_of = [](const Json& json) {
        return json.dump(-1, ' ', false, Json::error_handler_t::replace);
    };
    const Json before{
        {"schema", "vitrine.result.v1"},        {"id", result.id},
        {"status", status_name(result.status)}, {"exit_code", or_null(result.exit_code)},
        {"signal", or_null(result.signal)},     {"signal_name", signal_name_json(result.signal)},
        {"limit", limit_json(result.limit)},    {"stdout", stream_json(result.out)},
        {"stderr", stream_json(result.err)}};
    const Json after{{"value_notes", result.value_notes},
                     {"exception", exception_json(result.exception)},
                     {"findings", findings_json(result.findings)},
                     {"denied_syscalls", denied_json(result.denied)},
                     {"usage", usage_json(result.usage)},
                     {"isolation", isolation_json(result.isolation)},
                     {"timings_us", timings_json(result.timings)},
                     {"artifacts", artifacts_json(result.artifacts)},
                     {"artifacts_refused", refused_json(result.artifacts_refused)},
                     {"python", text_or_null(result.python)},
                     {"warm", result.warm},
                     {"snapshot", result.snapshot},
                     {"error", error_json(result.error)}};
    // The value was checked and normalised when it came: it goes in as text, between the halves.
    std::string text = text_of(before);
    text.back() = ',';
    const std::string_view value =
        result.value_json.empty() ? std::string_view("null") : result.value_json;
    return concat(text, R"("value":)", value, ",", std::string_view(text_of(after)).substr(1));
}

}  // namespace vitrine::runtime
