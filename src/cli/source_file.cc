#include "cli/source_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/units.h"

namespace vitrine::cli {

namespace {

constexpr std::size_t kMaxSource = std::size_t{64} << 20;

constexpr int kRefusedExit = 126;
constexpr int kNotFoundExit = 127;

std::optional<SourceProblem> read_opened(const std::string& path, int flags, Source& source) {
    source.name = path;
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | flags));
    if (!file) {
        const bool is_missing = errno == ENOENT || errno == ENOTDIR;
        return SourceProblem{is_missing, is_missing ? "source-not-found" : "source-unreadable",
                             concat("cannot open '", path, "': ", errno_text(errno))};
    }
    struct stat info{};
    if (::fstat(file.get(), &info) == 0 && S_ISDIR(info.st_mode)) {
        return SourceProblem{false, "source-unreadable",
                             concat("'", path, "' is a directory, not a script")};
    }
    return read_source(file.get(), path, source);
}

}  // namespace

std::optional<SourceProblem> read_source(int fd, const std::string& name, Source& source) {
    source.name = name;
    try {
        source.bytes = read_all(fd, kMaxSource);
    } catch (const SystemError& error) {
        return SourceProblem{false, "source-unreadable", concat("'", name, "': ", error.what())};
    } catch (const Error&) {
        return SourceProblem{
            false, "source-too-large",
            concat("'", name, "' is larger than ", format_bytes(kMaxSource), ", too much source")};
    }
    return std::nullopt;
}

std::optional<SourceProblem> read_script(const std::string& path, Source& source) {
    return read_opened(path, 0, source);
}

std::optional<SourceProblem> read_regular_script(const std::string& path, Source& source) {
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
        return SourceProblem{false, "source-unreadable", concat("'", path, "' is no file")};
    }
    // Should it have become something else meanwhile: that is not waited for either.
    return read_opened(path, O_NONBLOCK, source);
}

runtime::RunReport answer_to(const SourceProblem& problem, const std::string& id) {
    runtime::RunReport report;
    report.result.id = id;
    report.exit_code = problem.is_missing ? kNotFoundExit : kRefusedExit;
    if (problem.is_missing) {
        report.result.status = Status::kSetupError;
        report.result.error = SetupError{.step = "read-source",
                                         .syscall = "open",
                                         .error_number = ENOENT,
                                         .message = problem.message,
                                         .hint = "check the script's path"};
    } else {
        report.result.status = Status::kRejected;
        report.result.findings.push_back(
            {.id = "VT502", .rule = problem.rule, .message = problem.message, .hint = {}});
    }
    return report;
}

}  // namespace vitrine::cli
