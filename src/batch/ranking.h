// The few largest of very many.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace vitrine::batch {

/// A job by its id, and what it is ranked by.
struct Ranked {
    std::uint64_t value = 0;
    std::string id;
};

/// Keeps the `most` entries with the largest values; among equal ones it does not choose.
class Ranking {
  public:
    explicit Ranking(std::size_t most) : most_(most) {}

    void add(std::uint64_t value, const std::string& id) {
        if (heap_.size() == most_ && value <= heap_.front().value) return;
        if (heap_.size() == most_) {
            std::ranges::pop_heap(heap_, std::greater{}, &Ranked::value);
            heap_.pop_back();
        }
        heap_.push_back({value, id});
        std::ranges::push_heap(heap_, std::greater{}, &Ranked::value);
    }

    /// Largest first.
    std::vector<Ranked> sorted() const {
        std::vector<Ranked> all = heap_;
        std::ranges::stable_sort(all, std::greater{}, &Ranked::value);
        return all;
    }

  private:
    std::size_t most_;
    std::vector<Ranked> heap_;  ///< Its smallest in front.
};

}  // namespace vitrine::batch
