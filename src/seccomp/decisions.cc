#include "seccomp/decisions.h"

#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <utility>

#include "seccomp/node_pool.h"

namespace vitrine::seccomp {

namespace {

constexpr std::uint32_t kNumberOffset = offsetof(seccomp_data, nr);
constexpr std::uint32_t kArchOffset = offsetof(seccomp_data, arch);
/// More than any profile needs; beyond it a program is left as it is.
constexpr std::size_t kMaxNodes = std::size_t{1} << 16;

/// What the accumulator holds: some bits of one word of seccomp_data.
struct Held {
    std::uint32_t offset = kArchOffset;
    std::uint32_t mask = 0;

    auto operator<=>(const Held&) const = default;
};

/// Thrown, and caught here, on what libseccomp does not write.
struct NotUnderstood {};

/// How one instruction that is no jump and no return changes what is held.
Held after(const sock_filter& step, Held held) {
    if (step.code == (BPF_LD | BPF_W | BPF_ABS)) return {.offset = step.k, .mask = ~0U};
    if (step.code != (BPF_ALU | BPF_AND | BPF_K)) throw NotUnderstood();
    held.mask &= step.k;
    return held;
}

bool is_jump(const sock_filter& step) {
    return BPF_CLASS(step.code) == BPF_JMP;
}
bool is_return(const sock_filter& step) {
    return step.code == (BPF_RET | BPF_K);
}

Node::Kind kind_of(const sock_filter& step) {
    if (BPF_SRC(step.code) != BPF_K) throw NotUnderstood();
    switch (BPF_OP(step.code)) {
        case BPF_JEQ:
            return Node::Kind::kEqual;
        case BPF_JGT:
            return Node::Kind::kGreater;
        case BPF_JGE:
            return Node::Kind::kGreaterOrEqual;
        case BPF_JSET:
            return Node::Kind::kAnyBit;
        default:
            throw NotUnderstood();
    }
}

/// Where a program's treatment of call numbers may change, and the architectures it knows.
class Boundaries {
  public:
    explicit Boundaries(std::span<const sock_filter> program) {
        std::vector<std::set<Held>> reached(program.size() + 1);
        reached.front().insert(Held{});
        for (std::size_t at = 0; at < program.size(); ++at) {
            const sock_filter& step = program[at];
            const auto pass = [&](std::size_t skipped, const Held& held) {
                const std::size_t next = at + 1 + skipped;
                if (next >= program.size()) throw NotUnderstood();
                reached[next].insert(held);
            };
            for (const Held& held : reached[at]) {
                if (is_return(step)) break;
                if (!is_jump(step)) {
                    pass(0, after(step, held));
                } else if (BPF_OP(step.code) == BPF_JA) {
                    pass(step.k, held);
                } else {
                    note(step, held);
                    pass(step.jt, held);
                    pass(step.jf, held);
                }
            }
        }
    }

    const std::set<std::uint32_t>& numbers() const { return numbers_; }
    const std::set<std::uint32_t>& arches() const { return arches_; }

  private:
    void note(const sock_filter& step, const Held& held) {
        const Node::Kind kind = kind_of(step);
        if (held.offset != kNumberOffset && held.offset != kArchOffset) return;
        if (held.mask != ~0U) throw NotUnderstood();
        if (held.offset == kArchOffset) {
            if (kind != Node::Kind::kEqual) throw NotUnderstood();
            arches_.insert(step.k);
        } else {
            note_number(kind, step.k);
        }
    }

    void note_number(Node::Kind kind, std::uint32_t value) {
        constexpr std::uint32_t kQuarter = 0x40000000;
        if (kind == Node::Kind::kAnyBit) {
            if (value % kQuarter != 0) throw NotUnderstood();
            numbers_.insert({kQuarter, 2 * kQuarter, 3 * kQuarter});
            return;
        }
        if (kind != Node::Kind::kGreater) numbers_.insert(value);
        if (kind != Node::Kind::kGreaterOrEqual && value != ~0U) numbers_.insert(value + 1);
    }

    std::set<std::uint32_t> numbers_{0};
    std::set<std::uint32_t> arches_;
};

/// Follows a program for one architecture and number at a time; what it then still asks of the
/// arguments becomes nodes.
class Reader {
  public:
    explicit Reader(std::span<const sock_filter> program)
        : program_(program), boundaries_(program) {}

    Decisions read() {
        Decisions decisions;
        for (const std::uint32_t arch : boundaries_.arches())
            decisions.tables.push_back(read_table(arch));
        std::uint32_t other = 0;
        while (boundaries_.arches().contains(other))
            ++other;
        decisions.others = read_table(other);
        decisions.nodes = pool_.take();
        return decisions;
    }

  private:
    CallTable read_table(std::uint32_t arch) {
        CallTable table{.audit_arch = arch, .ranges = {}};
        for (const std::uint32_t number : boundaries_.numbers()) {
            known_.clear();
            arch_ = arch;
            number_ = number;
            append_range(table, {.first = number, .node = follow(0, Held{})});
        }
        return table;
    }

    NodeId follow(std::size_t at, Held held) {
        const std::pair start{at, held};
        if (const auto known = known_.find(start); known != known_.end()) return known->second;
        while (!is_return(program_[at])) {
            const sock_filter& step = program_[at];
            if (!is_jump(step)) {
                held = after(step, held);
                ++at;
            } else if (BPF_OP(step.code) == BPF_JA) {
                at += step.k + 1;
            } else if (held.offset == kNumberOffset || held.offset == kArchOffset) {
                const std::uint32_t word = held.offset == kNumberOffset ? number_ : arch_;
                at += (passes(kind_of(step), word, step.k) ? step.jt : step.jf) + 1U;
            } else {
                return known_[start] = test(step, at, held);
            }
        }
        return known_[start] = pool_.add({.value = program_[at].k});
    }

    NodeId test(const sock_filter& step, std::size_t at, const Held& held) {
        if (pool_.size() > kMaxNodes) throw NotUnderstood();
        const NodeId yes = follow(at + 1 + step.jt, held);
        const NodeId no = follow(at + 1 + step.jf, held);
        return pool_.add({.kind = kind_of(step),
                          .value = step.k,
                          .offset = held.offset,
                          .mask = held.mask,
                          .yes = yes,
                          .no = no});
    }

    std::span<const sock_filter> program_;
    Boundaries boundaries_;
    NodePool pool_;
    std::map<std::pair<std::size_t, Held>, NodeId> known_;
    std::uint32_t arch_ = 0;
    std::uint32_t number_ = 0;
};

/// Walks two graphs at once.
class Meeting {
  public:
    Meeting(const Decisions& first, const Decisions& second) : first_(first), second_(second) {}

    Decisions meet() {
        Decisions met;
        std::set<std::uint32_t> arches;
        for (const Decisions* side : {&first_, &second_}) {
            for (const CallTable& table : side->tables) {
                if (!arches.insert(table.audit_arch).second) continue;
                met.tables.push_back(
                    meet(table_of(first_, table.audit_arch), table_of(second_, table.audit_arch)));
                met.tables.back().audit_arch = table.audit_arch;
            }
        }
        met.others = meet(first_.others, second_.others);
        met.nodes = pool_.take();
        return met;
    }

  private:
    static const CallTable& table_of(const Decisions& decisions, std::uint32_t arch) {
        const auto found = std::ranges::find(decisions.tables, arch, &CallTable::audit_arch);
        return found != decisions.tables.end() ? *found : decisions.others;
    }

    static NodeId node_at(const CallTable& table, std::uint32_t number) {
        const auto after = std::ranges::upper_bound(table.ranges, number, {}, &Range::first);
        return std::prev(after)->node;
    }

    CallTable meet(const CallTable& first, const CallTable& second) {
        std::set<std::uint32_t> starts;
        for (const CallTable* side : {&first, &second}) {
            for (const Range& range : side->ranges)
                starts.insert(range.first);
        }
        CallTable met;
        for (const std::uint32_t start : starts) {
            const NodeId node = meet(node_at(first, start), node_at(second, start));
            append_range(met, {.first = start, .node = node});
        }
        return met;
    }

    NodeId meet(NodeId first, NodeId second) {
        const std::pair both{first, second};
        if (const auto known = known_.find(both); known != known_.end()) return known->second;
        const Node& a = first_.nodes[first];
        const Node& b = second_.nodes[second];
        Node met = a;
        if (a.kind != Node::Kind::kOutcome) {
            met.yes = meet(a.yes, second);
            met.no = meet(a.no, second);
        } else if (b.kind != Node::Kind::kOutcome) {
            met = b;
            met.yes = meet(first, b.yes);
            met.no = meet(first, b.no);
        } else {
            met.value = stricter(a.value, b.value);
        }
        return known_[both] = pool_.add(met);
    }

    const Decisions& first_;
    const Decisions& second_;
    NodePool pool_;
    std::map<std::pair<NodeId, NodeId>, NodeId> known_;
};

}  // namespace

void append_range(CallTable& table, const Range& range) {
    if (!table.ranges.empty() && table.ranges.back().node == range.node) return;
    table.ranges.push_back(range);
}

bool passes(Node::Kind kind, std::uint32_t word, std::uint32_t value) {
    switch (kind) {
        case Node::Kind::kOutcome:
            break;
        case Node::Kind::kEqual:
            return word == value;
        case Node::Kind::kGreater:
            return word > value;
        case Node::Kind::kGreaterOrEqual:
            return word >= value;
        case Node::Kind::kAnyBit:
            return (word & value) != 0;
    }
    return false;
}

std::optional<Decisions> read_decisions(std::span<const sock_filter> program) {
    if (program.empty()) return std::nullopt;
    try {
        return Reader(program).read();
    } catch (const NotUnderstood&) {
        return std::nullopt;
    }
}

Decisions intersect(const Decisions& first, const Decisions& second) {
    return Meeting(first, second).meet();
}

}  // namespace vitrine::seccomp
