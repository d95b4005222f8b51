// Results in the order of the input, whatever the order they come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace vitrine::batch {

/// Holds results back until those before them have come. Numbers are given in the order of the
/// input, from 0; each is answered once.
class Ordering {
  public:
    /// `line` empty: this one gets no result, and nobody waits for it.
    void add(std::uint64_t number, std::optional<std::string> line);

    /// Calls `take(line)` for everything whose turn has come.
    template <typename Take>
    void release(Take&& take) {
        for (auto first = held_.begin(); first != held_.end() && first->first == next_;
             first = held_.erase(first), ++next_) {
            hand_over(first->second, take);
        }
    }

    /// The same for all that is held: those in between will never come.
    template <typename Take>
    void release_all(Take&& take) {
        for (auto& [number, line] : held_)
            hand_over(line, take);
        held_.clear();
    }

    std::size_t bytes() const { return bytes_; }
    /// The first that has not come.
    std::uint64_t next() const { return next_; }

  private:
    template <typename Take>
    void hand_over(const std::optional<std::string>& line, Take&& take) {
        if (!line) return;
        bytes_ -= line->size();
        take(*line);
    }

    std::map<std::uint64_t, std::optional<std::string>> held_;
    std::uint64_t next_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace vitrine::batch
