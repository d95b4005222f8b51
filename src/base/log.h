// Vitrine's own log: stderr only, spdlog behind it.
//
// Library code logs at debug; only the command line logs above that. The program's stdout is never
// written to.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace vitrine {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat { kText, kJson };

/// Parses `debug`, `info`, `warning` (or `warn`), `error`, `off`. Throws UsageError.
LogLevel parse_log_level(std::string_view text);
/// Parses `text` or `json`. Throws UsageError.
LogFormat parse_log_format(std::string_view text);

/// Writes lines to stderr: `vitrine: warning: …`, or one JSON object a line with `time`, `level`
/// and `message`. Not thread-safe; the supervisor is single-threaded.
class Log {
  public:
    Log(LogLevel level, LogFormat format);
    ~Log();
    Log(Log&&) noexcept;
    Log& operator=(Log&&) noexcept;

    void debug(std::string_view message) const;
    void info(std::string_view message) const;
    void warning(std::string_view message) const;
    void error(std::string_view message) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace vitrine
