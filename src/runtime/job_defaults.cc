#include "runtime/job_defaults.h"

#include <algorithm>
#include <cmath>

#include "base/random_id.h"

namespace vitrine::runtime {

std::vector<std::pair<std::string, std::string>> default_environment(const Limits& limits) {
    const auto by_cpus = static_cast<std::uint64_t>(std::ceil(limits.cpus));
    const std::string threads =
        std::to_string(std::clamp<std::uint64_t>(limits.pids / 2, 1, by_cpus));
    std::vector<std::pair<std::string, std::string>> environment{
        {"HOME", "/tmp"},
        {"TMPDIR", "/tmp"},
        {"USER", "vitrine"},
        {"LOGNAME", "vitrine"},
        {"LANG", "C.UTF-8"},
        {"PATH", "/usr/bin:/bin"},
        {"XDG_CACHE_HOME", "/tmp/.cache"},
        {"XDG_CONFIG_HOME", "/tmp/.config"},
        {"MPLCONFIGDIR", "/tmp/.config/matplotlib"},
        {"MPLBACKEND", "Agg"},
        {"PYTHONUTF8", "1"},
        {"PYTHONDONTWRITEBYTECODE", "1"}};
    for (const char* name :
         {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
          "NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS", "PYTHON_CPU_COUNT"}) {
        environment.emplace_back(name, threads);
    }
    return environment;
}

void complete_job(Job& job, const std::string& default_rootfs) {
    if (job.id.empty()) job.id = random_id();
    if (job.rootfs.empty()) job.rootfs = default_rootfs;
    auto environment = default_environment(job.limits);
    environment.insert(environment.end(), job.environment.begin(), job.environment.end());
    job.environment = std::move(environment);
}

}  // namespace vitrine::runtime
