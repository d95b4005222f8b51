// The optimiser and the intersection: of two random profiles the joined, shortened program says
// what libseccomp's two programs say side by side, call by call.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>

#include "base/error.h"
#include "seccomp/assemble.h"
#include "seccomp/bpf_machine.h"
#include "seccomp/compile.h"
#include "seccomp/decisions.h"
#include "seccomp/resolve.h"
#include "support/random_profile.h"

namespace {

using namespace vitrine::seccomp;

/// Numbers drawn from the input, and zeros behind its end.
class Draw {
  public:
    Draw(const std::uint8_t* data, std::size_t size) : at_(data), left_(size) {}

    std::uint8_t byte() {
        if (left_ == 0) return 0;
        --left_;
        return *at_++;
    }
    std::uint64_t below(std::uint64_t limit) {
        const std::uint64_t low = byte();
        return (low | std::uint64_t{byte()} << 8U) % limit;
    }
    bool is_empty() const { return left_ == 0; }

  private:
    const std::uint8_t* at_;
    std::size_t left_;
};

HostFacts host() {
    return {.arch = find_architecture("x86_64"), .kernel = {6, 12}};
}

Program reference(Draw& draw) {
    const auto below = [&](std::uint64_t limit) { return draw.below(limit); };
    // A fuzzer looks for what is slow, and would find libseccomp.
    constexpr std::uint64_t kRulesBelow = 7;
    const std::string json = vitrine::test::random_profile(below, kRulesBelow);
    return compile(resolve(parse_profile(json), host())).program;
}

/// A call near what profiles compare with.
seccomp_data random_call(Draw& draw, const Program& program) {
    constexpr int kNumbers[] = {0,   1,   9,   16,  41,  44,  56,  62,
                                135, 157, 165, 202, 257, 321, 462, 500};
    constexpr std::uint32_t kArches[] = {0xc000003e, 0xc000003e, 0xc000003e, 0x40000003};
    seccomp_data call{};
    call.nr = kNumbers[draw.below(std::size(kNumbers))];
    call.arch = kArches[draw.below(std::size(kArches))];
    for (auto& argument : call.args) {
        const std::uint64_t low = program[draw.below(program.size())].k + draw.below(3) - 1;
        const std::uint64_t high = program[draw.below(program.size())].k + draw.below(3) - 1;
        argument = (low & 0xffffffff) | high << 32U;
    }
    return call;
}

}  // namespace

/// libseccomp 2.5.4 loses nodes of its own tree when a rule contradicts one it has.
extern "C" const char* __lsan_default_suppressions() {
    return "leak:libseccomp.so";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Draw draw(data, size);
    try {
        const Program first = reference(draw);
        const Program second = reference(draw);
        const auto first_says = read_decisions(first);
        const auto second_says = read_decisions(second);
        if (!first_says || !second_says) __builtin_trap();
        const Program joined = assemble(prune(intersect(*first_says, *second_says)));
        for (int i = 0; i < 500 && !draw.is_empty(); ++i) {
            const seccomp_data call = random_call(draw, i % 2 == 0 ? first : second);
            const auto expected = stricter(run_filter(first, call), run_filter(second, call));
            if (run_filter(joined, call) != expected) __builtin_trap();
        }
    } catch (const vitrine::UsageError&) {
        return -1;  // Rules that contradict each other: nothing to learn here.
    }
    return 0;
}
