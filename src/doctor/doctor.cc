#include "doctor/doctor.h"

#include <algorithm>

#include "doctor/host_checks.h"
#include "doctor/launch_check.h"
#include "doctor/rootfs_checks.h"

namespace vitrine::doctor {

std::vector<Check> examine(const Examination& what) {
    const runtime::HostFacts facts = runtime::look_around();
    std::vector<Check> checks = check_host(facts);
    checks.push_back(check_cgroup());
    checks.push_back(check_rootfs(what.rootfs));
    // Where no process can be started as we do it, none can be asked.
    if (std::ranges::find(facts.refused_calls, "clone3", &kernel::RefusedCall::name) ==
        facts.refused_calls.end()) {
        checks.push_back(check_host_pythons());
    }
    // It would only say again what was said.
    if (!can_run(checks)) return checks;
    std::ranges::move(check_launch(what.rootfs, what.profiles), std::back_inserter(checks));
    return checks;
}

bool can_run(const std::vector<Check>& checks) {
    return std::ranges::none_of(checks,
                                [](const Check& check) { return check.verdict == Verdict::kFail; });
}

}  // namespace vitrine::doctor
