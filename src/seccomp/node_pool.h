// The nodes of a Decisions while it is being made: each kept once.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "seccomp/decisions.h"

namespace vitrine::seccomp {

class NodePool {
  public:
    /// The index of `node`. A test that does not matter is left out: its successor is returned.
    NodeId add(const Node& node) {
        if (node.kind != Node::Kind::kOutcome && node.yes == node.no) return node.yes;
        const auto [place, is_new] = ids_.try_emplace(node, static_cast<NodeId>(nodes_.size()));
        if (is_new) nodes_.push_back(node);
        return place->second;
    }

    std::size_t size() const { return nodes_.size(); }
    /// The nodes; the pool is done.
    std::vector<Node> take() { return std::move(nodes_); }

  private:
    std::vector<Node> nodes_;
    std::map<Node, NodeId> ids_;
};

}  // namespace vitrine::seccomp
