// Errors with context.
//
// Exceptions mean "cannot do what was asked"; how a job ended is a value (vitrine::Result), never
// an exception. An Error carries what was being done, outermost first, and what to do about it.
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace vitrine {

/// Joins strings, string views, characters and integers into one string.
template <typename... Parts>
std::string concat(const Parts&... parts) {
    std::string out;
    auto append = [&out](const auto& part) {
        using Part = std::decay_t<decltype(part)>;
        if constexpr (std::is_same_v<Part, char>) {
            out.push_back(part);
        } else if constexpr (std::is_arithmetic_v<Part>) {
            out += std::to_string(part);
        } else {
            out += std::string_view(part);
        }
    };
    (append(parts), ...);
    return out;
}

/// Something that was asked for cannot be done.
class Error : public std::runtime_error {
  public:
    explicit Error(std::string message, std::string hint = {})
        : std::runtime_error(message), message_(std::move(message)), hint_(std::move(hint)) {}

    /// The whole chain, outermost intent first: `preparing the rootfs: opening '/x': No such…`.
    const char* what() const noexcept override { return message_.c_str(); }

    /// What the user can do about it; empty when there is nothing useful to say.
    const std::string& hint() const noexcept { return hint_; }

    /// Prepends what was being done. Called once per layer, by with_context.
    void add_context(std::string_view doing) { message_ = concat(doing, ": ", message_); }

    /// Sets the hint unless a more specific one, set nearer to the failure, is there.
    void suggest(std::string hint) {
        if (hint_.empty()) hint_ = std::move(hint);
    }

  private:
    std::string message_;
    std::string hint_;
};

/// Input from the user (a flag, a file, a profile) is not what it must be.
class UsageError : public Error {
  public:
    using Error::Error;
};

/// A system call failed.
class SystemError : public Error {
  public:
    /// Takes errno as its first act. `intent` is a phrase ("mounting proc on '/proc'"), `call` the
    /// name of the system call.
    SystemError(std::string_view intent, std::string_view call)
        : SystemError(intent, call, errno) {}
    SystemError(std::string_view intent, std::string_view call, int error_number);

    int error_number() const noexcept { return error_number_; }
    const std::string& call() const noexcept { return call_; }

  private:
    int error_number_;
    std::string call_;
};

/// The text of an errno value, as strerror(3) gives it in the C locale. Thread-safe.
std::string errno_text(int error_number);

/// The symbolic name of an errno value (`EPERM`), or its decimal number when it has none.
std::string errno_name(int error_number);

/// Runs `action`; an Error that leaves it gets `doing` in front.
template <typename Action>
decltype(auto) with_context(std::string_view doing, Action&& action) {
    try {
        return std::forward<Action>(action)();
    } catch (Error& error) {
        error.add_context(doing);
        throw;
    }
}

/// Returns `result` when it is not negative; otherwise throws a SystemError from errno.
template <typename Number>
Number check(Number result, std::string_view intent, std::string_view call) {
    if (result < 0) throw SystemError(intent, call);
    return result;
}

}  // namespace vitrine
