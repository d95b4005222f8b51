#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <cstdio>
#include <utility>

#include "base/error.h"

namespace vitrine {

namespace {

constexpr std::array<std::pair<std::string_view, LogLevel>, 6> kLevels{
    {{"debug", LogLevel::kDebug},
     {"info", LogLevel::kInfo},
     {"warning", LogLevel::kWarning},
     {"warn", LogLevel::kWarning},
     {"error", LogLevel::kError},
     {"off", LogLevel::kOff}}};

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug:
            return spdlog::level::debug;
        case LogLevel::kInfo:
            return spdlog::level::info;
        case LogLevel::kWarning:
            return spdlog::level::warn;
        case LogLevel::kError:
            return spdlog::level::err;
        case LogLevel::kOff:
            break;
    }
    return spdlog::level::off;
}

std::string code_of(unsigned char byte, bool for_json) {
    std::array<char, 8> code{};
    (void)std::snprintf(code.data(), code.size(), for_json ? "\\u%04x" : "\\x%02x", byte);
    return code.data();
}

/// A control character of the second set, as UTF-8: to some terminals U+009B is ESC [.
bool is_c1(std::string_view text) {
    return text.size() > 1 && text[0] == '\xc2' && static_cast<unsigned char>(text[1]) >= 0x80 &&
           static_cast<unsigned char>(text[1]) < 0xa0;
}

/// A message may quote what a user or a job wrote: control characters never reach the terminal.
std::string escape(std::string_view text, bool for_json) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (is_c1(text.substr(i))) {
            out += code_of(static_cast<unsigned char>(text[++i]), for_json);
            continue;
        }
        if (for_json && (c == '"' || c == '\\')) {
            out.push_back('\\');
            out.push_back(c);
        } else if (byte < 0x20 || byte == 0x7f) {
            if (c == '\n' && !for_json) {
                out.push_back(c);
                continue;
            }
            out += code_of(byte, for_json);
        } else {
            out.push_back(c);
        }
    }
    return out;
}

}  // namespace

LogLevel parse_log_level(std::string_view text) {
    for (const auto& [name, level] : kLevels) {
        if (name == text) return level;
    }
    throw UsageError(concat("unknown log level '", text, "'"),
                     "use debug, info, warning, error or off");
}

LogFormat parse_log_format(std::string_view text) {
    if (text == "text") return LogFormat::kText;
    if (text == "json") return LogFormat::kJson;
    throw UsageError(concat("unknown log format '", text, "'"), "use text or json");
}

struct Log::State {
    State(LogLevel level, LogFormat format)
        : is_json(format == LogFormat::kJson),
          logger("vitrine", std::make_shared<spdlog::sinks::stderr_sink_st>()) {
        logger.set_level(to_spdlog(level));
        logger.set_pattern(is_json
                               ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":"%v"})"
                               : "vitrine: %v");
    }

    void write(LogLevel level, std::string_view label, std::string_view message) {
        const auto spd_level = to_spdlog(level);
        if (!logger.should_log(spd_level)) return;
        const std::string text = concat(is_json ? "" : label, escape(message, is_json));
        logger.log(spd_level, spdlog::string_view_t(text.data(), text.size()));
    }

    bool is_json;
    spdlog::logger logger;
};

Log::Log(LogLevel level, LogFormat format) : state_(std::make_unique<State>(level, format)) {}
Log::~Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;

void Log::debug(std::string_view message) const {
    state_->write(LogLevel::kDebug, "debug: ", message);
}
void Log::info(std::string_view message) const {
    state_->write(LogLevel::kInfo, "", message);
}
void Log::warning(std::string_view message) const {
    state_->write(LogLevel::kWarning, "warning: ", message);
}
void Log::error(std::string_view message) const {
    state_->write(LogLevel::kError, "", message);
}

}  // namespace vitrine
