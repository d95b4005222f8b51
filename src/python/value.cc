#include "python/value.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace vitrine::python {

namespace {

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxNotes = 20;
constexpr std::size_t kMaxArrayItems = 100000;

void append_json_string(std::string& out, std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    out.push_back('"');
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out.push_back(kHex[byte >> 4U]);
            out.push_back(kHex[byte & 15U]);
        } else {
            out.push_back(c);
        }
    }
    out.push_back('"');
}

/// Writes one Python object as JSON, keeping the path to where it is.
class JsonWriter {
  public:
    explicit JsonWriter(const Api& api) : api_(api) {}

    void write(PyObject* object) {
        if (depth_ >= kMaxDepth) throw Error(concat(path_, " is nested too deeply"));
        ++depth_;
        write_by_type(object);
        --depth_;
        if (claim_.json.size() + notes_size_ > kMaxClaimBytes) {
            throw Error(concat("it is longer than ", kMaxClaimBytes, " bytes as JSON"));
        }
    }

    ValueClaim take() { return std::move(claim_); }

  private:
    static bool is_subtype(PyObject* object, unsigned long flag) {
        return (Py_TYPE(object)->tp_flags & flag) != 0;
    }

    /// By its real type: an object can claim any __class__.
    bool is_float(PyObject* object) const {
        return api_.PyType_IsSubtype(Py_TYPE(object), api_.PyFloat_Type) != 0;
    }

    /// JSON's word for None, True and False; null for everything else.
    const char* word_of(PyObject* object) const {
        if (object == api_._Py_NoneStruct) return "null";
        if (object == reinterpret_cast<PyObject*>(api_._Py_TrueStruct)) return "true";
        return object == reinterpret_cast<PyObject*>(api_._Py_FalseStruct) ? "false" : nullptr;
    }

    void write_by_type(PyObject* object) {
        if (const char* word = word_of(object); word != nullptr) {
            claim_.json += word;
        } else if (is_subtype(object, Py_TPFLAGS_LONG_SUBCLASS)) {
            write_integer(object);
        } else if (is_float(object)) {
            write_float(object);
        } else if (is_subtype(object, Py_TPFLAGS_UNICODE_SUBCLASS)) {
            append_json_string(claim_.json, text_of(object));
        } else if (is_subtype(object, Py_TPFLAGS_DICT_SUBCLASS)) {
            write_mapping(object);
        } else if (is_subtype(object, Py_TPFLAGS_LIST_SUBCLASS | Py_TPFLAGS_TUPLE_SUBCLASS)) {
            write_sequence(object);
        } else {
            write_foreign(object);
        }
    }

    void write_integer(PyObject* object) {
        int overflow = 0;
        const std::string digits = digits_of(object, overflow);
        if (overflow == 0) {
            claim_.json += digits;
            return;
        }
        note(concat(path_, ": an integer beyond 64 bits is given as a string"));
        append_json_string(claim_.json, digits);
    }

    /// `overflow` is set when 64 bits do not hold it.
    std::string digits_of(PyObject* integer, int& overflow) {
        const long long value = api_.PyLong_AsLongLongAndOverflow(integer, &overflow);
        if (overflow == 0) return std::to_string(value);
        const Ref text(api_, api_.PyObject_Str(integer));
        if (!text) throw Error(concat(path_, ": ", take_error(api_)));
        return to_text(api_, text.get());
    }

    void write_float(PyObject* object) {
        const double value = api_.PyFloat_AsDouble(object);
        if (!std::isfinite(value)) {
            note(concat(path_, ": ", std::isnan(value) ? "NaN" : "an infinity",
                        " is given as null"));
            claim_.json += "null";
            return;
        }
        claim_.json += digits_of(value);
    }

    /// Of a plain float: a subclass may print itself as it likes. Its repr is JSON's form too.
    std::string digits_of(double value) {
        const Ref plain(api_, api_.PyFloat_FromDouble(value));
        const Ref digits(api_, plain ? api_.PyObject_Repr(plain.get()) : nullptr);
        return to_text(api_, digits.get());
    }

    std::string text_of(PyObject* object) {
        Py_ssize_t size = 0;
        if (const char* text = api_.PyUnicode_AsUTF8AndSize(object, &size); text != nullptr) {
            return {text, static_cast<std::size_t>(size)};
        }
        api_.PyErr_Clear();
        note(concat(path_, ": what is not valid Unicode is given as '?'"));
        const Ref bytes(api_, api_.PyUnicode_AsEncodedString(object, "utf-8", "replace"));
        if (!bytes) throw Error(concat(path_, ": ", take_error(api_)));
        return api_.PyBytes_AsString(bytes.get());
    }

    std::string key_of(PyObject* key) {
        if (is_subtype(key, Py_TPFLAGS_UNICODE_SUBCLASS)) return text_of(key);
        if (const char* word = word_of(key); word != nullptr) return word;
        if (is_float(key)) return digits_of(api_.PyFloat_AsDouble(key));
        if (!is_subtype(key, Py_TPFLAGS_LONG_SUBCLASS)) {
            throw Error(concat(path_, " has a key of type ", type_name(key),
                               "; JSON keys are strings and numbers"));
        }
        int overflow = 0;
        return digits_of(key, overflow);
    }

    void write_mapping(PyObject* object) {
        const Ref items(api_, api_.PyMapping_Items(object));
        if (!items) throw Error(concat(path_, ": ", take_error(api_)));
        claim_.json.push_back('{');
        const Py_ssize_t count = api_.PyList_Size(items.get());
        for (Py_ssize_t i = 0; i < count; ++i) {
            // items() of a subclass may give anything.
            PyObject* item = api_.PyList_GetItem(items.get(), i);
            if (!is_subtype(item, Py_TPFLAGS_TUPLE_SUBCLASS) || api_.PyTuple_Size(item) != 2) {
                throw Error(concat(path_, ".items() gives ", type_name(item),
                                   " where a pair of key and value should be"));
            }
            if (i > 0) claim_.json.push_back(',');
            const std::string key = key_of(api_.PyTuple_GetItem(item, 0));
            append_json_string(claim_.json, key);
            claim_.json.push_back(':');
            write_at(concat(".", key.substr(0, 64)), api_.PyTuple_GetItem(item, 1));
        }
        claim_.json.push_back('}');
    }

    void write_sequence(PyObject* object) {
        const Ref items(api_, api_.PySequence_Tuple(object));
        if (!items) throw Error(concat(path_, ": ", take_error(api_)));
        claim_.json.push_back('[');
        const Py_ssize_t count = api_.PyTuple_Size(items.get());
        for (Py_ssize_t i = 0; i < count; ++i) {
            if (i > 0) claim_.json.push_back(',');
            write_at(concat("[", i, "]"), api_.PyTuple_GetItem(items.get(), i));
        }
        claim_.json.push_back(']');
    }

    void write_at(const std::string& step, PyObject* object) {
        const std::size_t size = path_.size();
        path_ += step;
        write(object);
        path_.resize(size);
    }

    /// numpy's scalars and arrays, pandas' series, array.array.
    void write_foreign(PyObject* object) {
        const Ref size(api_, api_.PyObject_GetAttrString(object, "size"));
        if (size && is_subtype(size.get(), Py_TPFLAGS_LONG_SUBCLASS) &&
            api_.PyLong_AsLong(size.get()) > static_cast<long>(kMaxArrayItems)) {
            throw Error(concat(path_, " has more than ", kMaxArrayItems, " items"));
        }
        api_.PyErr_Clear();
        const Ref plain(api_, api_.PyObject_CallMethod(object, "tolist", nullptr));
        api_.PyErr_Clear();
        if (!plain || plain.get() == object) {
            throw Error(concat(path_, " is of type ", type_name(object), ", which JSON has not"));
        }
        write(plain.get());
    }

    static std::string type_name(PyObject* object) { return Py_TYPE(object)->tp_name; }

    void note(std::string text) {
        if (claim_.notes.size() >= kMaxNotes) return;
        notes_size_ += text.size();
        claim_.notes.push_back(std::move(text));
    }

    const Api& api_;
    ValueClaim claim_;
    std::size_t notes_size_ = 0;
    std::string path_ = "$";
    int depth_ = 0;
};

}  // namespace

ValueClaim to_json(const Api& api, PyObject* object) {
    JsonWriter writer(api);
    writer.write(object);
    return writer.take();
}

Ref from_json(const Api& api, const std::string& text) {
    const Ref json(api, api.PyImport_ImportModule("json"));
    if (!json) return {api, nullptr};
    const Ref document(
        api, api.PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "strict"));
    if (!document) return {api, nullptr};
    return {api, api.PyObject_CallMethod(json.get(), "loads", "O", document.get())};
}

}  // namespace vitrine::python
