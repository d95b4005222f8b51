// What a job was denied, counted as it happens and explained when it is over.
#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "seccomp/denial.h"
#include "vitrine/result.h"

namespace vitrine::runtime {

class Denials {
  public:
    /// Only refusals are taken. A job cannot make this grow beyond a bound: kinds of calls that
    /// come late are only counted.
    void note(const seccomp_data& call, std::uint32_t outcome);
    /// By first occurrence; what was only counted last, as `others`.
    std::vector<DeniedCall> explained(seccomp::DenialStudy& study) const;
    bool is_empty() const { return first_.empty(); }

  private:
    struct First {
        seccomp_data call{};
        std::uint32_t outcome = 0;
        std::uint64_t count = 0;
    };
    using Kind = std::tuple<std::uint32_t, int, std::uint32_t>;  ///< Architecture, number, outcome.

    std::map<Kind, std::size_t> index_;
    std::vector<First> first_;
    std::uint64_t others_ = 0;
};

}  // namespace vitrine::runtime
