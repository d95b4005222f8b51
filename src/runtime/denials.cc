#include "runtime/denials.h"

#include "base/error.h"

namespace vitrine::runtime {

namespace {

constexpr std::size_t kMostKinds = 64;

DeniedCall to_denied(const seccomp_data& call, std::uint32_t outcome, seccomp::DenialStudy& study) {
    const seccomp::Denial denial = study.explain(call, outcome);
    DeniedCall denied{.name = denial.name,
                      .number = call.nr,
                      .architecture = denial.architecture,
                      .error_number = static_cast<int>(outcome & SECCOMP_RET_DATA),
                      .arguments = {},
                      .rule = denial.rule,
                      .allowed_by = denial.allowed_by};
    denied.arguments.assign(std::begin(call.args), std::end(call.args));
    return denied;
}

}  // namespace

void Denials::note(const seccomp_data& call, std::uint32_t outcome) {
    if ((outcome & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO) return;
    const auto known = index_.find({call.arch, call.nr, outcome});
    if (known != index_.end()) {
        ++first_[known->second].count;
    } else if (first_.size() < kMostKinds) {
        index_.emplace(Kind{call.arch, call.nr, outcome}, first_.size());
        first_.push_back({.call = call, .outcome = outcome, .count = 1});
    } else {
        ++others_;
    }
}

std::vector<DeniedCall> Denials::explained(seccomp::DenialStudy& study) const {
    std::vector<DeniedCall> all;
    for (const First& first : first_) {
        all.push_back(to_denied(first.call, first.outcome, study));
        all.back().count = first.count;
    }
    if (others_ > 0) all.push_back({.name = "others", .number = -1, .count = others_});
    return all;
}

}  // namespace vitrine::runtime
