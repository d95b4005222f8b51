// The results of a batch on their way out, one line each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace vitrine::batch {

/// Where results go: a stream, or a file that is made or goes on.
enum class FileUse {
    kReplace,
    kContinue,  ///< Appended to; a last line that was never finished is cut off first.
};

/// Never waits for a slow reader while jobs run: what does not fit is kept, and the batch starts
/// nothing new while much is.
class ResultStream {
  public:
    /// A borrowed descriptor. Throws UsageError when it is not open for writing.
    static ResultStream to_descriptor(int output_fd, std::string name);
    /// Throws an Error that names the path.
    static ResultStream to_file(const std::string& path, FileUse use);

    /// Takes one result and writes what can be written at once. Throws an Error that says where.
    void add(std::string_view line);
    /// Writes what can be written at once.
    void pump();
    std::size_t waiting() const { return pending_.size() - written_; }
    int fd() const { return fd_; }
    std::uint64_t lines() const { return lines_; }

  private:
    ResultStream(UniqueFd owned, int output_fd, std::string name);

    UniqueFd owned_;
    int fd_;
    std::string name_;
    std::string pending_;
    std::size_t step_;         ///< Bytes in one write.
    std::size_t written_ = 0;  ///< Of `pending_`.
    std::uint64_t lines_ = 0;
};

}  // namespace vitrine::batch
