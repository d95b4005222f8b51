#include "runtime/trace_files.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"

namespace vitrine::runtime {

namespace {

/// A file's name has 255 bytes at most; a number and the ending are to fit as well.
constexpr std::size_t kMaxName = 200;

std::string safe_name(const std::string& id) {
    std::string name = id.empty() ? "job" : id.substr(0, kMaxName);
    std::ranges::replace_if(
        name,
        [](unsigned char c) {
            return c >= 0x80 || (std::isalnum(c) == 0 && c != '.' && c != '_' && c != '-');
        },
        '_');
    if (name.front() == '.') name.front() = '_';
    return name;
}

}  // namespace

std::string TraceFiles::path_for(const std::string& job_id) {
    const std::string wanted = safe_name(job_id);
    std::string name = wanted;
    while (!given_.emplace(name, 1).second)
        name = concat(wanted, "-", ++given_[wanted]);
    return concat(directory_, "/", name, ".strace");
}

}  // namespace vitrine::runtime
