#include "python/ast.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/error.h"
#include "python/node_names.h"

namespace vitrine::python {

namespace {

struct TypeName {
    std::string_view name;
    NodeType type;
};

constexpr auto kTypeNames = std::to_array<TypeName>({
#define VITRINE_NODE_TYPE(name) {#name, NodeType::k##name},
#include "python/node_types.inc"
#undef VITRINE_NODE_TYPE
});

/// Every field of those types. One that is not listed keeps an empty name, and must be empty.
constexpr auto kFieldNames = std::to_array<std::string_view>(
    {"annotation",   "arg",          "args",         "asname",      "attr",
     "bases",        "body",         "cases",        "cause",       "cls",
     "comparators",  "context_expr", "conversion",   "ctx",         "decorator_list",
     "defaults",     "elt",          "elts",         "exc",         "finalbody",
     "format_spec",  "func",         "generators",   "guard",       "handlers",
     "id",           "ifs",          "is_async",     "items",       "iter",
     "key",          "keys",         "keywords",     "kind",        "kw_defaults",
     "kwarg",        "kwd_attrs",    "kwd_patterns", "kwonlyargs",  "left",
     "level",        "lower",        "module",       "msg",         "name",
     "names",        "op",           "operand",      "ops",         "optional_vars",
     "orelse",       "pattern",      "patterns",     "posonlyargs", "rest",
     "returns",      "right",        "simple",       "slice",       "step",
     "subject",      "target",       "targets",      "test",        "type",
     "type_comment", "type_ignores", "upper",        "value",       "values",
     "vararg"});

std::string_view static_name(std::string_view name) {
    const auto known = std::ranges::find(kFieldNames, name);
    return known == kFieldNames.end() ? std::string_view() : *known;
}

/// The exact text of a str, lone surrogates and null characters included: a check that saw less
/// than the program does could be led around.
std::string exact_text(const Api& api, PyObject* text) {
    Py_ssize_t length = 0;
    // Nearly every text has UTF-8 at hand; one with a lone surrogate has none.
    if (const char* plain = api.PyUnicode_AsUTF8AndSize(text, &length)) {
        return {plain, static_cast<std::size_t>(length)};
    }
    api.PyErr_Clear();
    const Ref bytes(api, api.PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass"));
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (!bytes || api.PyBytes_AsStringAndSize(bytes.get(), &data, &size) != 0) {
        throw Error(concat("reading a string constant: ", take_error(api)));
    }
    return {data, static_cast<std::size_t>(size)};
}

/// tp_name is `ast.Name` or `Name`, depending on the version.
std::string_view short_name(const PyTypeObject* type) {
    const std::string_view name = type->tp_name;
    return name.substr(name.rfind('.') + 1);
}

/// How instances of one Python type are read: looked up once per type and tree.
struct Shape {
    NodeType type = NodeType::kUnknown;
    bool is_node = false;
    std::vector<std::string_view> field_names;
    std::vector<Ref> field_keys;
};

class Copier {
  public:
    Copier(const Api& api, std::uint32_t max_depth, std::uint32_t max_nodes)
        : api_(api),
          max_depth_(max_depth),
          nodes_left_(max_nodes),
          line_key_(intern("lineno")),
          offset_key_(intern("col_offset")) {}

    Copied run(PyObject* tree) {
        Copied copied;
        copied.root = copy_node(tree, shape_of(tree), 0);
        copied.problem = problem_;
        return copied;
    }

  private:
    Ref intern(const char* text) const { return {api_, api_.PyUnicode_InternFromString(text)}; }

    void require(bool succeeded) const {
        if (!succeeded) throw Error(concat("reading the syntax tree: ", take_error(api_)));
    }

    const Shape& shape_of(PyObject* object) {
        const PyTypeObject* type = Py_TYPE(object);
        const auto [entry, is_new] = shapes_.try_emplace(type);
        if (is_new) entry->second = read_shape(type);
        return entry->second;
    }

    Shape read_shape(const PyTypeObject* type) const {
        Shape shape;
        PyObject* type_object =
            reinterpret_cast<PyObject*>(const_cast<PyTypeObject*>(type));  // Not changed.
        const Ref fields(api_, api_.PyObject_GetAttrString(type_object, "_fields"));
        if (!fields) {
            api_.PyErr_Clear();
            return shape;
        }
        shape.is_node = true;
        const std::string_view name = short_name(type);
        const auto known = std::ranges::find(kTypeNames, name, &TypeName::name);
        if (known != kTypeNames.end()) shape.type = known->type;
        const Py_ssize_t count = api_.PySequence_Size(fields.get());
        for (Py_ssize_t i = 0; i < count; ++i) {
            Ref key(api_, api_.PySequence_GetItem(fields.get(), i));
            require(static_cast<bool>(key));
            shape.field_names.push_back(static_name(to_text(api_, key.get())));
            shape.field_keys.push_back(std::move(key));
        }
        return shape;
    }

    /// What an attribute of a node holds, borrowed: the parser puts every one into the node's own
    /// dictionary, which is read much faster than the attribute is looked up. Null, with no
    /// exception set, where it is not there.
    PyObject* item(PyObject* attributes, const Ref& key) const {
        PyObject* value = api_.PyDict_GetItemWithError(attributes, key.get());
        if (value == nullptr) api_.PyErr_Clear();
        return value;
    }

    std::uint32_t number_at(PyObject* attributes, const Ref& key) const {
        PyObject* value = item(attributes, key);  // arguments, operators… have no place.
        const long number = value != nullptr ? api_.PyLong_AsLong(value) : 0;
        if (number == -1) api_.PyErr_Clear();
        return number > 0 ? static_cast<std::uint32_t>(number) : 0;
    }

    std::unique_ptr<Node> copy_node(PyObject* object, const Shape& shape, std::uint32_t depth) {
        if (depth > max_depth_) problem_ = CopyProblem::kTooDeep;
        if (nodes_left_ == 0) problem_ = CopyProblem::kTooManyNodes;
        auto node = std::make_unique<Node>();
        if (problem_) return node;
        --nodes_left_;
        node->type = shape.type;
        node->object = object;
        if (shape.type == NodeType::kUnknown) node->type_name = short_name(Py_TYPE(object));
        if (!shape.field_keys.empty()) copy_fields(object, shape, *node, depth);
        return node;
    }

    void copy_fields(PyObject* object, const Shape& shape, Node& node, std::uint32_t depth) {
        const Ref attributes(api_, api_.PyObject_GenericGetDict(object, nullptr));
        require(static_cast<bool>(attributes));
        node.line = number_at(attributes.get(), line_key_);
        node.offset = number_at(attributes.get(), offset_key_);
        node.fields.resize(shape.field_keys.size());
        for (std::size_t i = 0; i < shape.field_keys.size(); ++i) {
            Field& field = node.fields[i];
            field.name = shape.field_names[i];
            if (PyObject* own = item(attributes.get(), shape.field_keys[i])) {
                copy_field(own, field, depth + 1);
                continue;
            }
            // A version that leaves out what is None answers for it in the class.
            const Ref value(api_, api_.PyObject_GetAttr(object, shape.field_keys[i].get()));
            require(static_cast<bool>(value));
            copy_field(value.get(), field, depth + 1);
        }
        place_aliases(node);
        refuse_unknown_fields(node, shape);
    }

    /// What a newer grammar hangs on a node of a known type would be seen by no check: the node
    /// becomes one of an unknown type.
    void refuse_unknown_fields(Node& node, const Shape& shape) const {
        for (std::size_t i = 0; i < node.fields.size(); ++i) {
            const Field& field = node.fields[i];
            const bool is_empty = field.nodes.empty() && field.texts.empty() && !field.number;
            if (!field.name.empty() || is_empty || node.type == NodeType::kUnknown) continue;
            node.type_name = concat(node_type_name(node.type), " with ",
                                    to_text(api_, shape.field_keys[i].get()));
            node.type = NodeType::kUnknown;
        }
    }

    /// Before 3.10 the names an import binds have no place of their own.
    static void place_aliases(Node& import) {
        if (import.type != NodeType::kImport && import.type != NodeType::kImportFrom) return;
        for (Field& field : import.fields) {
            for (const auto& alias : field.nodes) {
                if (alias->line != 0) continue;
                alias->line = import.line;
                alias->offset = import.offset;
            }
        }
    }

    void copy_field(PyObject* value, Field& field, std::uint32_t depth) {
        const unsigned long flags = Py_TYPE(value)->tp_flags;
        if ((flags & Py_TPFLAGS_LIST_SUBCLASS) == 0) return copy_item(value, field, depth);
        field.is_list = true;
        const Py_ssize_t count = api_.PyList_Size(value);
        field.nodes.reserve(static_cast<std::size_t>(count));
        for (Py_ssize_t i = 0; i < count; ++i) {
            PyObject* element = api_.PyList_GetItem(value, i);
            require(element != nullptr);
            copy_item(element, field, depth);
        }
    }

    void copy_item(PyObject* value, Field& field, std::uint32_t depth) {
        if (value == api_._Py_NoneStruct) return;
        const unsigned long flags = Py_TYPE(value)->tp_flags;
        if ((flags & Py_TPFLAGS_UNICODE_SUBCLASS) != 0) {
            field.texts.push_back(exact_text(api_, value));
        } else if ((flags & Py_TPFLAGS_LONG_SUBCLASS) != 0) {
            const long number = api_.PyLong_AsLong(value);
            if (api_.PyErr_Occurred() == nullptr) field.number = number;
            api_.PyErr_Clear();
        } else if (const Shape& shape = shape_of(value); shape.is_node) {
            field.nodes.push_back(copy_node(value, shape, depth));
        }
    }

    const Api& api_;
    std::uint32_t max_depth_;
    std::uint32_t nodes_left_;
    Ref line_key_;
    Ref offset_key_;
    std::unordered_map<const PyTypeObject*, Shape> shapes_;
    std::optional<CopyProblem> problem_;
};

}  // namespace

bool is_node_type(std::string_view name) {
    return std::ranges::find(kTypeNames, name, &TypeName::name) != kTypeNames.end();
}

std::string_view node_type_name(NodeType type) {
    return type == NodeType::kUnknown ? std::string_view()
                                      : kTypeNames.at(static_cast<std::size_t>(type) - 1).name;
}

const Field* Node::field(std::string_view name) const {
    const auto found = std::ranges::find(fields, name, &Field::name);
    return found == fields.end() ? nullptr : &*found;
}

const Node* Node::child(std::string_view name) const {
    const Field* found = field(name);
    return found == nullptr || found->nodes.empty() ? nullptr : found->nodes.front().get();
}

const std::vector<std::unique_ptr<Node>>& Node::children(std::string_view name) const {
    static const std::vector<std::unique_ptr<Node>> none;
    const Field* found = field(name);
    return found == nullptr ? none : found->nodes;
}

std::string_view Node::text(std::string_view name) const {
    const Field* found = field(name);
    return found == nullptr || found->texts.empty() ? std::string_view() : found->texts.front();
}

Copied copy_ast(const Api& api, PyObject* tree, std::uint32_t max_depth, std::uint32_t max_nodes) {
    return Copier(api, max_depth, max_nodes).run(tree);
}

}  // namespace vitrine::python
