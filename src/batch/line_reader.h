// Lines of a stream that may be slow, endless or hostile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vitrine::batch {

/// Reads a borrowed descriptor line by line and never waits for it: a batch has running jobs to
/// watch meanwhile. Holds no more than one line of the largest allowed size.
class LineReader {
  public:
    enum class Outcome {
        kLine,
        kTooLong,  ///< Larger than allowed: it was read past and is gone.
        kNotYet,   ///< Nothing more has come so far.
        kEnd,
    };

    LineReader(int input_fd, std::size_t max_line_bytes);

    /// `line` gets the next line without its newline; a last one may lack it. Throws SystemError.
    Outcome next(std::string& line);

    /// Of the line that next() told of last; the first is 1.
    std::uint64_t number() const { return number_; }
    /// Whether it had an end: the last one of a stream may have none.
    bool ended_with_newline() const { return ended_with_newline_; }
    /// Bytes of the stream that the lines so far have taken.
    std::uint64_t bytes_taken() const { return bytes_taken_; }

  private:
    enum class Filled { kMore, kNotYet, kEnd };
    Filled fill();
    void keep(std::size_t end);
    Outcome finish(std::string& line, bool has_newline);

    int input_fd_;
    std::size_t max_line_bytes_;
    std::vector<char> buffer_;
    std::size_t start_ = 0;
    std::size_t end_ = 0;
    std::string partial_;  ///< What is known of a line that goes on beyond the buffer.
    bool is_too_long_ = false;
    bool has_started_ = false;  ///< A line of no bytes is one, nothing at all is none.
    bool ended_with_newline_ = false;
    std::uint64_t number_ = 0;
    std::uint64_t bytes_taken_ = 0;
};

}  // namespace vitrine::batch
