// Profiles nobody would write: rules drawn from a sequence of numbers, for property tests and
// fuzzing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace vitrine::test {

/// The JSON of a profile that libseccomp accepts in most cases; `draw(n)` is a number below n. Has
/// fewer than `rules_below` rules, and one of several conditions on a call: libseccomp 2.5.4 takes
/// time for those that grows exponentially, and two of three conditions each can keep it busy for
/// minutes.
inline std::string random_profile(const std::function<std::uint64_t(std::uint64_t)>& draw,
                                  std::uint64_t rules_below = 12) {
    constexpr const char* kNames[] = {"read",   "write", "socket",      "clone",  "ioctl", "prctl",
                                      "mmap",   "futex", "personality", "openat", "kill",  "mseal",
                                      "getpid", "mount", "bpf",         "sendto"};
    constexpr const char* kActions[] = {"ALLOW", "ERRNO", "KILL_PROCESS", "LOG", "TRAP"};
    constexpr const char* kOperators[] = {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};
    constexpr std::uint64_t kValues[] = {0,          1,          2,           38,
                                         0x7e020000, 0xffffffff, 0x100000000, 0x100000026,
                                         1ULL << 63, ~0ULL,      ~0ULL - 1,   0xffffffff00000000};
    const auto pick = [&](const auto& list) { return list[draw(std::size(list))]; };
    const auto condition = [&] {
        return "{\"index\": " + std::to_string(draw(6)) +
               ", \"value\": " + std::to_string(pick(kValues)) +
               ", \"valueTwo\": " + std::to_string(pick(kValues)) + ", \"op\": \"SCMP_CMP_" +
               pick(kOperators) + "\"}";
    };
    constexpr int kMostCompound = 1;
    std::map<std::string, int> compound;
    const auto rule = [&] {
        const std::string name = pick(kNames);
        std::string text = "{\"names\": [\"" + name + "\"], \"action\": \"SCMP_ACT_" +
                           pick(kActions) + "\", \"args\": [";
        std::uint64_t conditions = draw(4);
        if (conditions > 1 && ++compound[name] > kMostCompound) conditions = 1;
        for (std::uint64_t i = 0; i < conditions; ++i)
            text += (i > 0 ? ", " : "") + condition();
        return text + "]}";
    };
    std::string json =
        "{\"defaultAction\": \"SCMP_ACT_" + std::string(pick(kActions)) + "\", \"syscalls\": [";
    const std::uint64_t rules = draw(rules_below);
    for (std::uint64_t i = 0; i < rules; ++i)
        json += (i > 0 ? ", " : "") + rule();
    return json + "]}";
}

}  // namespace vitrine::test
