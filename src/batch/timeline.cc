#include "batch/timeline.h"

#include <algorithm>

namespace vitrine::batch {

namespace {

constexpr std::size_t kMaxBars = 2000;
constexpr std::size_t kMaxSlices = 120;
constexpr std::uint64_t kFirstWidth = 1000;  // A millisecond.
constexpr std::size_t kMaxWorkers = 64;      // More are drawn as if they were these.

}  // namespace

Timeline::Timeline(std::size_t workers)
    : free_since_(std::clamp<std::size_t>(workers, 1, kMaxWorkers)),
      width_(kFirstWidth),
      busy_(free_since_.size()) {}

void Timeline::add(const std::string& id, Status status, std::uint64_t start, std::uint64_t end) {
    make_room(end);
    const std::uint32_t worker = choose_worker(start);
    ++ended_[end / width_][static_cast<std::size_t>(status)];
    add_busy(worker, start, end);
    free_since_[worker] = end;
    if (shows_all_ && bars_.size() == kMaxBars) {
        shows_all_ = false;
        bars_ = {};
    }
    if (shows_all_) bars_.push_back({worker, start, end, status, id});
}

/// The one that has been free for the shortest time: its row stays as full as it was in truth.
std::uint32_t Timeline::choose_worker(std::uint64_t start) const {
    std::size_t best = free_since_.size();
    for (std::size_t i = 0; i < free_since_.size(); ++i) {
        const bool is_free = free_since_[i] <= start;
        if (is_free && (best == free_since_.size() || free_since_[i] > free_since_[best])) best = i;
    }
    if (best < free_since_.size()) return static_cast<std::uint32_t>(best);
    return static_cast<std::uint32_t>(std::ranges::min_element(free_since_) - free_since_.begin());
}

void Timeline::make_room(std::uint64_t end) {
    while (end / width_ >= kMaxSlices)
        halve();
    const std::size_t slices = std::max(ended_.size(), static_cast<std::size_t>(end / width_) + 1);
    ended_.resize(slices);
    for (auto& row : busy_)
        row.resize(slices);
}

/// Two slices become one.
void Timeline::halve() {
    const std::size_t slices = (ended_.size() + 1) / 2;
    for (std::size_t i = 0; i < ended_.size(); ++i) {
        const StatusCounts counts = ended_[i];
        if (i % 2 == 0) ended_[i / 2] = {};
        for (std::size_t k = 0; k < kStatuses; ++k)
            ended_[i / 2][k] += counts[k];
    }
    ended_.resize(slices);
    for (auto& row : busy_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::uint64_t busy = row[i];
            if (i % 2 == 0) row[i / 2] = 0;
            row[i / 2] += busy;
        }
        row.resize(slices);
    }
    width_ *= 2;
}

void Timeline::add_busy(std::uint32_t worker, std::uint64_t start, std::uint64_t end) {
    for (std::uint64_t slice = start / width_; slice <= end / width_; ++slice) {
        const std::uint64_t from = std::max(start, slice * width_);
        const std::uint64_t to = std::min(end, (slice + 1) * width_);
        busy_[worker][slice] += to - from;
    }
}

}  // namespace vitrine::batch
