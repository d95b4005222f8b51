#include "seccomp/assemble.h"

#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>

#include "base/error.h"
#include "seccomp/search_tree.h"

namespace vitrine::seccomp {

namespace {

/// A program written from its end: jumps go forward only, so their targets are there already. A
/// place counts from the end.
class Backwards {
  public:
    using Place = std::size_t;

    Place add(std::uint16_t code, std::uint32_t value) {
        return add(sock_filter{.code = code, .jt = 0, .jf = 0, .k = value});
    }

    Place add_return(std::uint32_t outcome) {
        const auto known = returns_.find(outcome);
        if (known != returns_.end() && is_near(known->second)) return known->second;
        return returns_[outcome] = add(BPF_RET | BPF_K, outcome);
    }

    Place add_test(Node::Kind kind, std::uint32_t value, Place yes, Place no) {
        yes = nearer(yes);
        no = nearer(no);
        return add(sock_filter{.code = code_of(kind),
                               .jt = static_cast<std::uint8_t>(distance(yes)),
                               .jf = static_cast<std::uint8_t>(distance(no)),
                               .k = value});
    }

    Place add_load(std::size_t offset) {
        return add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
    }

    Program finish() && {
        std::ranges::reverse(steps_);
        return std::move(steps_);
    }

  private:
    /// One less than jumps reach, for the jump that making the other target nearer may add.
    static constexpr std::size_t kReach = 254;

    static std::uint16_t code_of(Node::Kind kind) {
        switch (kind) {
            case Node::Kind::kOutcome:
                break;
            case Node::Kind::kEqual:
                return BPF_JMP | BPF_JEQ | BPF_K;
            case Node::Kind::kGreater:
                return BPF_JMP | BPF_JGT | BPF_K;
            case Node::Kind::kGreaterOrEqual:
                return BPF_JMP | BPF_JGE | BPF_K;
            case Node::Kind::kAnyBit:
                return BPF_JMP | BPF_JSET | BPF_K;
        }
        throw Error("an outcome is no test");
    }

    Place add(const sock_filter& step) {
        if (steps_.size() == BPF_MAXINSNS) {
            throw Error(concat("a filter may have ", BPF_MAXINSNS, " instructions"));
        }
        steps_.push_back(step);
        return steps_.size() - 1;
    }

    /// What the next instruction would have to jump over.
    std::size_t distance(Place target) const { return steps_.size() - target - 1; }
    bool is_near(Place target) const { return distance(target) <= kReach; }

    Place nearer(Place target) {
        if (is_near(target)) return target;
        const sock_filter step = steps_[target];
        if (step.code == (BPF_RET | BPF_K)) return add_return(step.k);
        return add(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(distance(target)));
    }

    std::vector<sock_filter> steps_;
    std::map<std::uint32_t, Place> returns_;
};

class Assembler {
  public:
    explicit Assembler(const Decisions& decisions) : decisions_(decisions) {}

    Program assemble(std::span<const std::uint32_t> hot_calls) && {
        Backwards::Place rest = add_table(decisions_.others, {});
        std::vector<Backwards::Place> starts;
        for (std::size_t i = decisions_.tables.size(); i > 0; --i) {
            const CallTable& table = decisions_.tables[i - 1];
            starts.push_back(add_table(table, i == 1 ? hot_calls : decltype(hot_calls)()));
        }
        for (std::size_t i = decisions_.tables.size(); i > 0; --i) {
            rest = program_.add_test(Node::Kind::kEqual, decisions_.tables[i - 1].audit_arch,
                                     starts[decisions_.tables.size() - i], rest);
        }
        program_.add_load(offsetof(seccomp_data, arch));
        return std::move(program_).finish();
    }

  private:
    /// Where a node's code begins, and where it goes on once its word is loaded.
    struct Emitted {
        Backwards::Place start = 0;
        Backwards::Place loaded = 0;
    };

    Backwards::Place add_table(const CallTable& table, std::span<const std::uint32_t> hot_calls) {
        if (table.ranges.size() == 1) return add_node(table.ranges.front().node).start;
        const SearchTree tree(table.ranges, hot_calls);
        add_search(table, tree, tree.root());
        return program_.add_load(offsetof(seccomp_data, nr));
    }

    Backwards::Place add_search(const CallTable& table, const SearchTree& tree,
                                const SearchTree::Span& span) {
        if (span.is_leaf()) return add_node(table.ranges[span.first].node).start;
        const SearchTree::Step step = tree.step(span);
        const Backwards::Place yes = add_search(table, tree, step.yes);
        const Backwards::Place no = add_search(table, tree, step.no);
        return program_.add_test(step.kind, step.value, yes, no);
    }

    const Emitted& add_node(NodeId id) {
        if (const auto known = emitted_.find(id); known != emitted_.end()) return known->second;
        const Node& node = decisions_.nodes[id];
        Emitted emitted;
        if (node.kind == Node::Kind::kOutcome) {
            emitted.start = program_.add_return(node.value);
            return emitted_[id] = emitted;
        }
        const Backwards::Place yes = target(node, node.yes);
        const Backwards::Place no = target(node, node.no);
        emitted.loaded = program_.add_test(node.kind, node.value, yes, no);
        emitted.start = emitted.loaded;
        if (node.mask != ~std::uint32_t{0}) program_.add(BPF_ALU | BPF_AND | BPF_K, node.mask);
        emitted.start = program_.add_load(node.offset);
        return emitted_[id] = emitted;
    }

    /// Where `from` goes on: past the load, where the next node looks at the same bits.
    Backwards::Place target(const Node& from, NodeId to) {
        const Emitted& emitted = add_node(to);
        const Node& next = decisions_.nodes[to];
        const bool is_loaded = next.kind != Node::Kind::kOutcome && next.offset == from.offset &&
                               next.mask == from.mask;
        return is_loaded ? emitted.loaded : emitted.start;
    }

    const Decisions& decisions_;
    Backwards program_;
    std::map<NodeId, Emitted> emitted_;
};

}  // namespace

Program assemble(const Decisions& decisions, std::span<const std::uint32_t> hot_calls) {
    return Assembler(decisions).assemble(hot_calls);
}

}  // namespace vitrine::seccomp
