#include "cli/limit_flags.h"

#include <array>

#include "base/units.h"
#include "cli/run_flags.h"
#include "limits/rlimits.h"
#include "runtime/job_check.h"

namespace vitrine::cli {

namespace {

constexpr auto kLimitFlags = std::to_array<LimitFlag>({
    {"-m,--memory", "memory", "SIZE", "Memory of the whole job [2g]", false,
     [](Limits& limits, const std::string& text) { limits.memory_bytes = parse_bytes(text); }},
    {"--memory-swap", "memory-swap", "SIZE", "Memory and swap together [no swap]", false,
     &set_memory_swap},
    {"--cpus", "cpus", "N", "CPUs' worth of time, such as 0.5 [1]", false,
     [](Limits& limits, const std::string& text) { limits.cpus = parse_cpus(text); }},
    {"--pids-limit", "pids-limit", "N", "Processes and threads at one time [64]", false,
     [](Limits& limits, const std::string& text) {
         limits.pids = parse_integer(text, 1, runtime::kMaxPids);
     }},
    {"--timeout", "timeout", "TIME", "Wall-clock limit: 500ms, 10s, 2m [600s]", false,
     [](Limits& limits, const std::string& text) { limits.timeout = parse_duration(text); }},
    {"--cpu-time", "cpu-time", "TIME", "CPU time limit [none]", false,
     [](Limits& limits, const std::string& text) { limits.cpu_time = parse_duration(text); }},
    {"--max-output", "max-output", "SIZE[:kill]",
     "Output kept of each stream; with :kill more ends the job [1m]", false, &set_max_output},
    {"--output-keep", "output-keep", "PART",
     "Which part of longer output: head, tail or both [both]", false, &set_output_keep},
    {"--tmpfs", "tmpfs", "/tmp:size=SIZE", "Size of /tmp [64m]", false, &set_tmpfs},
    {"--ulimit", "ulimit", "NAME=SOFT[:HARD]", "A resource limit; may be repeated", true,
     [](Limits& limits, const std::string& text) {
         limits.ulimits.push_back(limits::parse_ulimit(text));
     }},
    {"--device-read-bps", "device-read-bps", "DEVICE:SIZE",
     "Bytes a second read from a block device, such as /dev/sda:1m; may be repeated", true,
     [](Limits& limits, const std::string& text) { add_device_limit(limits, "rbps", text); }},
    {"--device-write-bps", "device-write-bps", "DEVICE:SIZE",
     "Bytes a second written to it; may be repeated", true,
     [](Limits& limits, const std::string& text) { add_device_limit(limits, "wbps", text); }},
    {"--device-read-iops", "device-read-iops", "DEVICE:N",
     "Reads a second from it; may be repeated", true,
     [](Limits& limits, const std::string& text) { add_device_limit(limits, "riops", text); }},
    {"--device-write-iops", "device-write-iops", "DEVICE:N",
     "Writes a second to it; may be repeated", true,
     [](Limits& limits, const std::string& text) { add_device_limit(limits, "wiops", text); }},
});

}  // namespace

std::span<const LimitFlag> limit_flags() {
    return kLimitFlags;
}

std::vector<std::string> limit_names() {
    std::vector<std::string> names;
    for (const LimitFlag& flag : kLimitFlags)
        names.emplace_back(flag.name);
    return names;
}

}  // namespace vitrine::cli
