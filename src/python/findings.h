// Collects findings, with places in characters and a cap on their number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "python/ast.h"
#include "python/rules.h"
#include "vitrine/result.h"

namespace vitrine::python {

class FindingList {
  public:
    /// `source` is borrowed.
    explicit FindingList(std::string_view source) : source_(source) {}

    /// Adds an error at `node`, or none when there are enough already.
    void add(const Node& node, Rule rule, std::string message, std::string_view hint = {});

    std::size_t size() const noexcept { return findings_.size(); }
    /// Takes back what was added since there were `size` of them.
    void forget_since(std::size_t size);

    /// All findings, in the order of their places.
    std::vector<Finding> take();

  private:
    /// 1-based, in characters.
    std::uint32_t column_of(const Node& node) const;

    std::string_view source_;
    std::vector<Finding> findings_;
};

}  // namespace vitrine::python
