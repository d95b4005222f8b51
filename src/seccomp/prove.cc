#include "seccomp/prove.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <set>

#include "seccomp/arch.h"
#include "seccomp/bpf_machine.h"
#include "seccomp/calls.h"

namespace vitrine::seccomp {

namespace {

using Arguments = std::array<std::uint64_t, 6>;

constexpr std::uint32_t kNumbers = 1024;
/// Each probe of a call is tried beside each other one: a hundred of one call take half a second.
constexpr std::size_t kMaxEffort = 10000;
constexpr std::uint64_t kHighHalf = 0xffffffff00000000;

std::set<std::uint32_t> numbers_to_try() {
    std::set<std::uint32_t> numbers;
    for (std::uint32_t number = 0; number < kNumbers; ++number)
        numbers.insert({number, kX32Bit | number});
    for (const std::uint32_t edge : {0x3fffffffU, 0x7fffffffU, 0x80000000U, 0xc0000000U})
        numbers.insert({edge - 1, edge, edge + 1});
    // MIPS counts from 4000, 5000 and 6000; ARM's own calls begin at 0xf0000.
    for (const std::uint32_t base : {4000U, 5000U, 6000U, 0xf0000U}) {
        for (std::uint32_t number = 0; number < kNumbers / 2; ++number)
            numbers.insert(base + number);
    }
    numbers.insert({~0U - 1, ~0U});
    return numbers;
}

std::set<std::uint32_t> architectures_to_try() {
    std::set<std::uint32_t> arches{0, 1, ~0U};
    for (const Architecture& arch : architectures())
        arches.insert({arch.audit, arch.audit ^ 0x80000000U, arch.audit ^ 0x40000000U});
    return arches;
}

/// Values at which the answer to `condition` may change.
void add_boundaries(std::set<std::uint64_t>& values, const Condition& condition) {
    for (const std::uint64_t value : {condition.value, condition.value_two}) {
        for (const std::uint64_t near : {value - 1, value, value + 1, ~value}) {
            values.insert({near, near | kHighHalf, near & ~kHighHalf, near | 1ULL << 32});
        }
    }
    if (condition.op != Operator::kMaskedEqual) return;
    for (int bit = 0; bit < 64; ++bit) {
        const std::uint64_t one = std::uint64_t{1} << bit;
        if ((condition.value & one) != 0) values.insert({one, condition.value_two ^ one});
    }
}

std::uint64_t satisfying_value(const Condition& condition) {
    switch (condition.op) {
        case Operator::kNotEqual:
        case Operator::kGreater:
            return condition.value + 1;
        case Operator::kLess:
            return condition.value - 1;
        case Operator::kMaskedEqual:
            return condition.value_two;
        default:
            return condition.value;
    }
}

/// The programs side by side, on one call after the other.
class Comparison {
  public:
    Comparison(std::span<const Program> references, std::span<const sock_filter> candidate)
        : references_(references), candidate_(candidate) {}

    /// Whether any of them looked at an argument; what they say is compared.
    bool try_call(seccomp_data call) {
        if (!has_our_byte_order(call.arch)) swap_halves(call);
        Outcome expected = watch_filter(references_.front(), call);
        for (const Program& reference : references_.subspan(1)) {
            const Outcome other = watch_filter(reference, call);
            expected.value = stricter(expected.value, other.value);
            expected.reads_arguments |= other.reads_arguments;
        }
        const Outcome found = watch_filter(candidate_, call);
        if (expected.value != found.value && !disagreement_) {
            disagreement_ = {.call = call, .expected = expected.value, .found = found.value};
        }
        return expected.reads_arguments || found.reads_arguments;
    }

    const std::optional<Disagreement>& disagreement() const { return disagreement_; }

  private:
    /// Programs load arguments by 32-bit halves; which half comes first is the machine's choice.
    static void swap_halves(seccomp_data& call) {
        for (auto& argument : call.args)
            argument = std::rotl(std::uint64_t{argument}, 32);
    }

    std::span<const Program> references_;
    std::span<const sock_filter> candidate_;
    std::optional<Disagreement> disagreement_;
};

/// The probes of one call; all there are, where it has none.
std::vector<const Probe*> probes_of(std::span<const Probe> probes, const seccomp_data& call) {
    std::vector<const Probe*> own;
    std::vector<const Probe*> all;
    for (const Probe& probe : probes) {
        all.push_back(&probe);
        const bool is_own =
            probe.audit_arch == call.arch && probe.number == static_cast<std::uint32_t>(call.nr);
        if (is_own) own.push_back(&probe);
    }
    return own.empty() ? all : own;
}

std::set<Arguments> starting_points(std::span<const Probe* const> probes) {
    std::set<Arguments> points{Arguments{}};
    for (const Probe* probe : probes) {
        Arguments arguments{};
        for (const Condition& condition : probe->conditions)
            arguments.at(condition.index) = satisfying_value(condition);
        points.insert(arguments);
    }
    return points;
}

std::set<std::uint64_t> values_to_try(std::span<const Probe* const> probes) {
    std::set<std::uint64_t> values{0, 1, ~std::uint64_t{0}, kHighHalf, ~kHighHalf};
    // Socketcall and ipc count their calls from 1 to 24.
    for (std::uint64_t value = 2; value < 26; ++value)
        values.insert(value);
    for (const Probe* probe : probes) {
        for (const Condition& condition : probe->conditions)
            add_boundaries(values, condition);
    }
    return values;
}

void try_arguments(Comparison& comparison, seccomp_data call, std::span<const Probe> probes) {
    const std::vector<const Probe*> own = probes_of(probes, call);
    const std::set<std::uint64_t> values = values_to_try(own);
    for (const Arguments& point : starting_points(own)) {
        for (std::size_t index = 0; index < point.size(); ++index) {
            std::ranges::copy(point, std::begin(call.args));
            for (const std::uint64_t value : values) {
                call.args[index] = value;
                comparison.try_call(call);
            }
        }
        if (comparison.disagreement()) return;
    }
}

}  // namespace

std::vector<Probe> probes_for(const ResolvedProfile& profile) {
    std::vector<Probe> probes;
    for (const ResolvedRule& rule : profile.rules) {
        if (rule.conditions.empty()) continue;
        for (const Architecture* arch : profile.architectures) {
            const auto number = call_number(rule.name, *arch);
            if (number) probes.push_back({arch->audit, *number, rule.conditions});
        }
    }
    return probes;
}

bool can_be_proven(std::span<const Probe> probes) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> counts;
    for (const Probe& probe : probes)
        ++counts[{probe.audit_arch, probe.number}];
    std::size_t effort = 0;
    for (const auto& [call, count] : counts)
        effort += count * count;
    return effort <= kMaxEffort;
}

std::optional<Disagreement> find_disagreement(std::span<const Program> references,
                                              std::span<const sock_filter> candidate,
                                              std::span<const Probe> probes) {
    Comparison comparison(references, candidate);
    const std::set<std::uint32_t> numbers = numbers_to_try();
    for (const std::uint32_t arch : architectures_to_try()) {
        for (const std::uint32_t number : numbers) {
            seccomp_data call{};
            call.nr = static_cast<int>(number);
            call.arch = arch;
            if (comparison.try_call(call)) try_arguments(comparison, call, probes);
            if (comparison.disagreement()) return comparison.disagreement();
        }
    }
    return std::nullopt;
}

}  // namespace vitrine::seccomp
