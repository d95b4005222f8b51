// The guest of a job that is a command of the rootfs: no interpreter, an execve(2) at the end.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/guest.h"

namespace vitrine::runtime {

/// Cold only: there is nothing to warm up.
class CommandGuest final : public sandbox::Guest {
  public:
    void start(std::string_view interpreter, sandbox::StartedFor what) override;
    std::string describe(std::string_view interpreter) const override;
    void warm_up(std::string_view preload) override;
    void come_of_age(bool is_awaited) override;
    void set_environment(
        const std::vector<std::pair<std::string, std::string>>& environment) override;
    /// Returns only when the command could not be run, and has then said why: as a Failure of
    /// Step::kStartCommand. The result pipe closes with the execve, so the command cannot.
    int run(std::string_view program, int report_fd, int gate_fd) noexcept override;
};

}  // namespace vitrine::runtime
