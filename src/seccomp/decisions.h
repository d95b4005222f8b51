// What a program decides, taken apart: for each architecture and call number an outcome, or a
// graph of tests on the arguments. Two of them intersect; assemble.h makes a program again.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "seccomp/program.h"

namespace vitrine::seccomp {

/// An index into Decisions::nodes. Equal nodes have equal indices.
using NodeId = std::uint32_t;

/// An outcome, or a test of 32 bits of seccomp_data that leads to one of two nodes.
struct Node {
    enum class Kind : std::uint8_t { kOutcome, kEqual, kGreater, kGreaterOrEqual, kAnyBit };

    Kind kind = Kind::kOutcome;
    std::uint32_t value = 0;                 ///< The SECCOMP_RET_* value, or what is compared with.
    std::uint32_t offset = 0;                ///< Into seccomp_data, of the word that is tested.
    std::uint32_t mask = ~std::uint32_t{0};  ///< What of the word is tested.
    NodeId yes = 0;
    NodeId no = 0;

    auto operator<=>(const Node&) const = default;
};

/// What happens to the call numbers from `first` to the next range's.
struct Range {
    std::uint32_t first = 0;
    NodeId node = 0;
};

/// The calls of one architecture: sorted ranges that cover every number, neighbours different.
struct CallTable {
    std::uint32_t audit_arch = 0;
    std::vector<Range> ranges;
};

/// Adds a range after the others, or lengthens the last one by it.
void append_range(CallTable& table, const Range& range);

/// What a test says of `word`, which is masked already.
bool passes(Node::Kind kind, std::uint32_t word, std::uint32_t value);

struct Decisions {
    std::vector<Node> nodes;  ///< Successors come before their node.
    std::vector<CallTable> tables;
    CallTable others;  ///< Every architecture that has no table.
};

/// What `program` decides, for every architecture, number and argument there is; empty for a
/// program that uses more of BPF than libseccomp does.
std::optional<Decisions> read_decisions(std::span<const sock_filter> program);

/// The same decisions with fewer tests: those are left out whose answer follows from the tests
/// before them.
Decisions prune(const Decisions& decisions);

/// For every call the stricter of what the two decide.
Decisions intersect(const Decisions& first, const Decisions& second);

}  // namespace vitrine::seccomp
