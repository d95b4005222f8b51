#include "cli/binds.h"

#include <filesystem>

#include "base/error.h"
#include "runtime/bind_check.h"

namespace vitrine::cli {

namespace {

Bind make_bind(const std::string& source, const std::string& destination, BindAccess access) {
    std::error_code error;
    const std::string path = std::filesystem::canonical(source, error);
    if (error) {
        throw UsageError(concat("'", source, "' cannot be bound: ", error.message()),
                         "check the path; it is the host's");
    }
    const bool is_writable = access == BindAccess::kReadWrite;
    runtime::check_bind_source(path, is_writable);
    return {path, runtime::checked_bind_destination(destination.empty() ? path : destination),
            is_writable};
}

}  // namespace

Bind parse_bind(const std::string& text, BindAccess access) {
    const std::size_t colon = text.find(':');
    const std::string source = text.substr(0, colon);
    if (source.empty()) throw UsageError(concat("'", text, "' names nothing to bind"), "SRC[:DST]");
    const std::string rest = colon == std::string::npos ? "" : text.substr(colon + 1);
    const std::size_t second = rest.find(':');
    const std::string mode = access == BindAccess::kReadOnly ? "ro" : "rw";
    if (second != std::string::npos && rest.substr(second + 1) != mode) {
        throw UsageError(
            concat("'", text, "' has '", rest.substr(second + 1), "' after its destination"),
            "use SRC[:DST]; --ro-bind is always read-only, --bind never");
    }
    return make_bind(source, rest.substr(0, second), access);
}

Bind parse_volume(const std::string& text) {
    const std::string hint = "use -v SRC:DST, or -v SRC:DST:ro for a read-only one";
    const std::size_t first = text.find(':');
    if (first == 0 || first == std::string::npos || first + 1 == text.size()) {
        throw UsageError(concat("'", text, "' is no volume"), hint);
    }
    const std::size_t second = text.find(':', first + 1);
    const std::string mode = second == std::string::npos ? "rw" : text.substr(second + 1);
    if (mode != "ro" && mode != "rw") {
        throw UsageError(concat("'", mode, "' is no way to bind a volume"), hint);
    }
    return make_bind(text.substr(0, first), text.substr(first + 1, second - first - 1),
                     mode == "ro" ? BindAccess::kReadOnly : BindAccess::kReadWrite);
}

}  // namespace vitrine::cli
