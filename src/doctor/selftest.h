// Does each layer hold on this host? One attack that must fail, and its twin that must work.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vitrine::doctor {

/// One half of a trial, as it was seen.
struct Half {
    std::string title;
    bool is_as_it_must_be = false;
    std::string seen;
};

struct Trial {
    std::string layer;
    Half attack;   ///< Must have been refused.
    Half control;  ///< Must have worked: else the attack proves nothing.
    /// Not empty: this host does not have the layer, and says so in every result.
    std::string absent;
    std::int64_t milliseconds = 0;

    bool holds() const {
        return !absent.empty() || (attack.is_as_it_must_be && control.is_as_it_must_be);
    }
};

struct TestedHost {
    std::string rootfs;    ///< Absolute.
    std::string profiles;  ///< Directory of seccomp profiles.
};

/// Runs every trial, one after the other; takes seconds. The calling process must be
/// single-threaded and without children. Throws Error when it cannot even prepare its witnesses.
std::vector<Trial> try_every_layer(const TestedHost& host);

}  // namespace vitrine::doctor
