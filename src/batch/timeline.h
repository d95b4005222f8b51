// Who worked when, for a picture: bounded in size however long the batch is.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "vitrine/result.h"

namespace vitrine::batch {

inline constexpr std::size_t kStatuses = 8;  ///< Values of Status.
using StatusCounts = std::array<std::uint64_t, kStatuses>;

/// Jobs arrive as they end. Nobody says which worker ran one, and none of them is anybody in
/// particular: a job is given to one that was free when it started.
class Timeline {
  public:
    explicit Timeline(std::size_t workers);

    /// Microseconds since the batch began.
    void add(const std::string& id, Status status, std::uint64_t start, std::uint64_t end);

    struct Bar {
        std::uint32_t worker = 0;
        std::uint64_t start = 0;
        std::uint64_t end = 0;
        Status status = Status::kExited;
        std::string id;
    };
    /// Every job, or none once there are too many to show.
    const std::vector<Bar>& bars() const { return bars_; }
    bool shows_all() const { return shows_all_; }

    std::uint64_t slice_width() const { return width_; }
    /// Jobs that ended in each slice of time.
    const std::vector<StatusCounts>& ended() const { return ended_; }
    /// How much of each slice each worker was busy, in microseconds.
    const std::vector<std::vector<std::uint64_t>>& busy() const { return busy_; }
    std::size_t workers() const { return free_since_.size(); }

  private:
    std::uint32_t choose_worker(std::uint64_t start) const;
    void make_room(std::uint64_t end);
    void halve();
    void add_busy(std::uint32_t worker, std::uint64_t start, std::uint64_t end);

    std::vector<std::uint64_t> free_since_;
    std::vector<Bar> bars_;
    bool shows_all_ = true;
    std::uint64_t width_;
    std::vector<StatusCounts> ended_;
    std::vector<std::vector<std::uint64_t>> busy_;
};

}  // namespace vitrine::batch
