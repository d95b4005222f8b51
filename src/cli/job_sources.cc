#include "cli/job_sources.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/fd.h"
#include "base/units.h"
#include "batch/line_reader.h"

namespace vitrine::cli {

namespace {

using batch::Entry;
using batch::LineReader;
using batch::Next;

constexpr std::size_t kMaxLine = std::size_t{64} << 20;
/// Lines without a job that are read in a row: there are signals to hear.
constexpr int kMaxIdle = 256;

using ReadLine = std::optional<Entry> (*)(const JobDefaults&, const std::string&, std::uint64_t,
                                          const IsDone&);

bool is_blank(const std::string& line) {
    return line.find_first_not_of(" \t\r") == std::string::npos;
}

class Lines : public batch::Source {
  public:
    Lines(const std::string& path, JobDefaults defaults, IsDone is_done, ReadLine read_line)
        : owned_(path == "-" ? UniqueFd() : open_file(path, O_RDONLY | O_NOCTTY)),
          fd_(path == "-" ? STDIN_FILENO : owned_.get()),
          reader_(fd_, kMaxLine),
          defaults_(std::move(defaults)),
          is_done_(std::move(is_done)),
          read_line_(read_line) {
        struct stat info{};
        check(::fstat(fd_, &info), concat("looking at '", path, "'"), "fstat");
        if (S_ISDIR(info.st_mode)) throw UsageError(concat("'", path, "' is a directory"));
        if (S_ISREG(info.st_mode)) size_ = static_cast<std::uint64_t>(info.st_size);
    }

    Next next(Entry& entry) override {
        for (int idle = 0; idle < kMaxIdle; ++idle) {
            std::string line;
            const LineReader::Outcome outcome = reader_.next(line);
            if (outcome == LineReader::Outcome::kEnd) return Next::kEnd;
            if (outcome == LineReader::Outcome::kNotYet) return Next::kNotYet;
            if (take(outcome, line, entry)) return Next::kEntry;
        }
        return Next::kNotYet;
    }

    int fd() const override { return fd_; }
    std::optional<double> share() const override {
        if (size_ == 0) return std::nullopt;
        const auto taken = static_cast<double>(reader_.bytes_taken());
        return std::min(1.0, taken / static_cast<double>(size_));
    }
    std::uint64_t skipped() const override { return skipped_; }

  private:
    bool take(LineReader::Outcome outcome, std::string& line, Entry& entry) {
        const std::uint64_t number = reader_.number();
        if (outcome == LineReader::Outcome::kTooLong) return refuse_length(number, entry);
        if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
        if (is_blank(line)) return false;
        auto read = read_line_(defaults_, line, number, is_done_);
        if (!read) {
            ++skipped_;
            return false;
        }
        entry = std::move(*read);
        return true;
    }

    bool refuse_length(std::uint64_t number, Entry& entry) {
        const std::string id = id_of_line(number);
        if (is_done_(id)) {
            ++skipped_;
            return false;
        }
        entry = refuse_line(id, number,
                            UsageError(concat("it is longer than ", format_bytes(kMaxLine)),
                                       "put the program into a file and name it with 'path'"));
        return true;
    }

    UniqueFd owned_;
    int fd_;
    LineReader reader_;
    JobDefaults defaults_;
    IsDone is_done_;
    ReadLine read_line_;
    std::uint64_t size_ = 0;
    std::uint64_t skipped_ = 0;
};

class Repeated : public batch::Source {
  public:
    Repeated(Job job, std::uint64_t count) : job_(std::move(job)), count_(count) {}

    Next next(Entry& entry) override {
        if (given_ == count_) return Next::kEnd;
        entry.job = job_;
        ++given_;
        entry.job.id = concat(job_.id, "-", given_);
        return Next::kEntry;
    }
    std::optional<double> share() const override {
        return static_cast<double>(given_) / static_cast<double>(count_);
    }

  private:
    Job job_;
    std::uint64_t count_;
    std::uint64_t given_ = 0;
};

}  // namespace

std::unique_ptr<batch::Source> open_job_lines(const std::string& path, JobDefaults defaults,
                                              IsDone is_done) {
    return std::make_unique<Lines>(path, std::move(defaults), std::move(is_done), &read_job_line);
}

std::unique_ptr<batch::Source> open_argument_lines(const std::string& path, JobDefaults defaults,
                                                   IsDone is_done) {
    return std::make_unique<Lines>(path, std::move(defaults), std::move(is_done),
                                   &read_arguments_line);
}

std::unique_ptr<batch::Source> repeat_job(Job job, std::uint64_t count) {
    return std::make_unique<Repeated>(std::move(job), count);
}

}  // namespace vitrine::cli
