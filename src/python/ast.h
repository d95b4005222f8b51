// A syntax tree as the validator sees it: CPython's `ast` module's tree, copied into plain data.
//
// Types and fields are those of CPython's grammar (Parser/Python.asdl), by name. A type that is not
// listed here is kUnknown, and refused.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "python/api.h"

namespace vitrine::python {

enum class NodeType : std::uint8_t {
    kUnknown,
#define VITRINE_NODE_TYPE(name) k##name,
#include "python/node_types.inc"
#undef VITRINE_NODE_TYPE
};

/// `AsyncFor`; empty for kUnknown.
std::string_view node_type_name(NodeType type);

struct Node;

/// One field of a node. Depending on the field one of the values is set, or none (None).
struct Field {
    std::string_view name;  ///< Static.
    bool is_list = false;
    std::vector<std::unique_ptr<Node>> nodes;  ///< A list's None elements are left out.
    std::vector<std::string> texts;            ///< Identifiers, or a string constant.
    std::optional<long> number;                ///< Small integers: ImportFrom.level…
};

struct Node {
    NodeType type = NodeType::kUnknown;
    std::string type_name;       ///< Set for kUnknown only.
    std::uint32_t line = 0;      ///< 1-based; 0 where the grammar has none.
    std::uint32_t offset = 0;    ///< 0-based, in UTF-8 bytes.
    PyObject* object = nullptr;  ///< What it was copied from; borrowed from that tree.
    std::vector<Field> fields;

    /// Null when the node has no such field.
    const Field* field(std::string_view name) const;
    /// The only node of a field; null when it is None.
    const Node* child(std::string_view name) const;
    /// The nodes of a list field; empty when there is none.
    const std::vector<std::unique_ptr<Node>>& children(std::string_view name) const;
    /// The text of an identifier field; empty when it is None.
    std::string_view text(std::string_view name) const;
};

enum class CopyProblem { kTooDeep, kTooManyNodes };

struct Copied {
    std::unique_ptr<Node> root;
    std::optional<CopyProblem> problem;  ///< Then `root` is not to be used.
};

/// Copies the `ast.Module` object `tree`. Throws Error when Python raises, which a tree of its own
/// parser does not make it do.
Copied copy_ast(const Api& api, PyObject* tree, std::uint32_t max_depth, std::uint32_t max_nodes);

}  // namespace vitrine::python
