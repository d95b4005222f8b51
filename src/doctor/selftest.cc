#include "doctor/selftest.h"

#include <array>
#include <chrono>

#include "doctor/trials.h"

namespace vitrine::doctor {

namespace {

constexpr auto kLayers = std::to_array<LayerTrials>(
    {&try_validator, &try_network, &try_filesystem, &try_seccomp, &try_limits, &try_identity,
     &try_landlock, &try_no_new_privileges, &try_exec_doors});

}  // namespace

std::vector<Trial> try_every_layer(const TestedHost& host) {
    std::vector<Trial> all;
    for (const LayerTrials try_layer : kLayers) {
        for (Trial& trial : try_layer(host))
            all.push_back(std::move(trial));
    }
    return all;
}

}  // namespace vitrine::doctor
