// Leaving out tests whose answer is known: Decisions of two profiles ask many things twice.

#include <algorithm>
#include <optional>

#include "seccomp/decisions.h"
#include "seccomp/node_pool.h"

namespace vitrine::seccomp {

namespace {

/// What the tests so far say about some bits of one word: it is in [lowest, highest].
struct Fact {
    std::uint32_t offset = 0;
    std::uint32_t mask = 0;
    std::uint32_t lowest = 0;
    std::uint32_t highest = ~std::uint32_t{0};
};
using Facts = std::vector<Fact>;

Fact fact_about(const Facts& facts, const Node& test) {
    for (const Fact& fact : facts) {
        if (fact.offset == test.offset && fact.mask == test.mask) return fact;
    }
    return {.offset = test.offset, .mask = test.mask, .lowest = 0, .highest = test.mask};
}

/// A test of a range that has the same answer at both ends has it in between as well, unless it
/// is for one value or for bits.
std::optional<bool> answer(const Fact& fact, const Node& test) {
    const bool at_lowest = passes(test.kind, fact.lowest, test.value);
    if (fact.lowest == fact.highest) return at_lowest;
    switch (test.kind) {
        case Node::Kind::kEqual:
            if (test.value < fact.lowest || test.value > fact.highest) return false;
            return std::nullopt;
        case Node::Kind::kGreater:
        case Node::Kind::kGreaterOrEqual:
            if (at_lowest == passes(test.kind, fact.highest, test.value)) return at_lowest;
            return std::nullopt;
        default:
            return std::nullopt;
    }
}

/// `fact` once `test` was answered so.
Fact narrowed(Fact fact, const Node& test, bool passed) {
    switch (test.kind) {
        case Node::Kind::kEqual:
            if (passed) {
                fact.lowest = fact.highest = test.value;
            } else if (test.value == fact.lowest) {
                ++fact.lowest;
            } else if (test.value == fact.highest) {
                --fact.highest;
            }
            break;
        case Node::Kind::kGreater:
            if (passed) {
                fact.lowest = test.value + 1;
            } else {
                fact.highest = test.value;
            }
            break;
        case Node::Kind::kGreaterOrEqual:
            if (passed) {
                fact.lowest = test.value;
            } else {
                fact.highest = test.value - 1;
            }
            break;
        default:
            break;
    }
    return fact;
}

class Pruner {
  public:
    explicit Pruner(const Decisions& source) : source_(source) {}

    Decisions prune() {
        Decisions pruned;
        for (const CallTable& table : source_.tables)
            pruned.tables.push_back(prune(table));
        pruned.others = prune(source_.others);
        pruned.nodes = pool_.take();
        return pruned;
    }

  private:
    /// What one path knows makes its nodes its own, so a large graph could grow without end: then
    /// the rest of it is taken over as it is.
    static constexpr int kMaxVisits = 2000;

    CallTable prune(const CallTable& table) {
        CallTable pruned{.audit_arch = table.audit_arch, .ranges = {}};
        for (const Range& range : table.ranges) {
            visits_ = 0;
            append_range(pruned, {.first = range.first, .node = prune(range.node, {})});
        }
        return pruned;
    }

    NodeId prune(NodeId id, const Facts& facts) {
        Node node = source_.nodes[id];
        if (node.kind == Node::Kind::kOutcome) return pool_.add(node);
        if (++visits_ > kMaxVisits) return copy(id);
        const Fact fact = fact_about(facts, node);
        if (const auto known = answer(fact, node)) return prune(*known ? node.yes : node.no, facts);
        node.yes = prune(node.yes, with(facts, narrowed(fact, node, true)));
        node.no = prune(node.no, with(facts, narrowed(fact, node, false)));
        return pool_.add(node);
    }

    static Facts with(Facts facts, const Fact& fact) {
        std::erase_if(facts, [&](const Fact& old) {
            return old.offset == fact.offset && old.mask == fact.mask;
        });
        facts.push_back(fact);
        return facts;
    }

    NodeId copy(NodeId id) {
        if (const auto known = copies_.find(id); known != copies_.end()) return known->second;
        Node node = source_.nodes[id];
        if (node.kind != Node::Kind::kOutcome) {
            node.yes = copy(node.yes);
            node.no = copy(node.no);
        }
        return copies_[id] = pool_.add(node);
    }

    const Decisions& source_;
    NodePool pool_;
    std::map<NodeId, NodeId> copies_;
    int visits_ = 0;
};

}  // namespace

Decisions prune(const Decisions& decisions) {
    return Pruner(decisions).prune();
}

}  // namespace vitrine::seccomp
