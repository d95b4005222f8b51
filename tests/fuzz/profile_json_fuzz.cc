// The reader of profiles: whatever the bytes are, a profile or a UsageError comes out, and what was
// read can be resolved.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "seccomp/resolve.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vitrine::seccomp;
    try {
        const Profile profile = parse_profile({reinterpret_cast<const char*>(data), size});
        const HostFacts host{.arch = find_architecture("x86_64"),
                             .kernel = {6, 12},
                             .sub_architectures = SubArchitectures::kOn};
        const ResolvedProfile resolved = resolve(profile, host);
        if (resolved.verdicts.size() != profile.rules.size()) __builtin_trap();
    } catch (const vitrine::UsageError& error) {
        if (std::string_view(error.what()).empty()) __builtin_trap();
    }
    return 0;
}
