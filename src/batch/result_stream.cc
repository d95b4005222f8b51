#include "batch/result_stream.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace vitrine::batch {

namespace {

constexpr mode_t kNewMode = 0666;

/// Where the last finished line of the file ends.
off_t end_of_lines(int file_fd, off_t size) {
    std::array<char, 65536> block;
    for (off_t end = size; end > 0;) {
        const off_t start = std::max<off_t>(0, end - static_cast<off_t>(block.size()));
        const auto length = static_cast<std::size_t>(end - start);
        const ssize_t got =
            check(::pread(file_fd, block.data(), length, start), "finding its last line", "pread");
        const std::string_view text(block.data(), static_cast<std::size_t>(got));
        if (const std::size_t at = text.rfind('\n'); at != std::string_view::npos) {
            return start + static_cast<off_t>(at) + 1;
        }
        end = start;
    }
    return 0;
}

void prepare_file(int file_fd, FileUse use) {
    struct stat info{};
    check(::fstat(file_fd, &info), "looking at it", "fstat");
    if (!S_ISREG(info.st_mode)) return;
    const off_t end = use == FileUse::kContinue ? end_of_lines(file_fd, info.st_size) : 0;
    check(::ftruncate(file_fd, end), "cutting it", "ftruncate");
    check(::lseek(file_fd, end, SEEK_SET), "going to its end", "lseek");
}

/// A pipe said to have room takes this much without waiting.
std::size_t step_of(int output_fd) {
    struct stat info{};
    const bool is_file = ::fstat(output_fd, &info) == 0 && S_ISREG(info.st_mode);
    return is_file ? std::size_t{1} << 20 : std::size_t{PIPE_BUF};
}

}  // namespace

ResultStream::ResultStream(UniqueFd owned, int output_fd, std::string name)
    : owned_(std::move(owned)), fd_(output_fd), name_(std::move(name)), step_(step_of(fd_)) {}

ResultStream ResultStream::to_descriptor(int output_fd, std::string name) {
    const int mode = ::fcntl(output_fd, F_GETFL);
    if (mode < 0 || (mode & O_ACCMODE) == O_RDONLY) {
        throw UsageError(concat(name, " is not open for writing"),
                         "open it, or name a file: -o results.jsonl");
    }
    return {UniqueFd(), output_fd, std::move(name)};
}

ResultStream ResultStream::to_file(const std::string& path, FileUse use) {
    const std::string name = concat("'", path, "'");
    return with_context(concat("writing the results to ", name), [&] {
        // A directory is refused by the kernel; a FIFO waits for its reader.
        const int access = use == FileUse::kContinue ? O_RDWR : O_WRONLY;
        UniqueFd file(check(::open(path.c_str(), access | O_CREAT | O_NOCTTY | O_CLOEXEC, kNewMode),
                            "opening it", "open"));
        prepare_file(file.get(), use);
        const int fd = file.get();
        return ResultStream(std::move(file), fd, name);
    });
}

void ResultStream::add(std::string_view line) {
    pending_.append(line);
    pending_.push_back('\n');
    ++lines_;
    pump();
}

void ResultStream::pump() {
    while (waiting() > 0) {
        pollfd event{fd_, POLLOUT, 0};
        if (::poll(&event, 1, 0) == 0) break;
        const ssize_t written =
            ::write(fd_, pending_.data() + written_, std::min(waiting(), step_));
        if (written < 0 && (errno == EAGAIN || errno == EINTR)) break;
        check(written, concat("writing the results to ", name_), "write");
        written_ += static_cast<std::size_t>(written);
    }
    if (waiting() == 0 || written_ > pending_.size() / 2) {
        pending_.erase(0, written_);
        written_ = 0;
    }
}

}  // namespace vitrine::batch
