#include "base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "base/error.h"
#include "base/fd.h"
#include "base/output_file.h"

namespace vitrine {

std::string read_file(const std::string& path, std::size_t max_bytes) {
    return with_context(concat("reading '", path, "'"), [&] {
        const int raw = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (raw < 0) throw SystemError("opening it", "open");
        const UniqueFd file(raw);
        struct stat info{};
        check(::fstat(file.get(), &info), "looking at it", "fstat");
        if (S_ISDIR(info.st_mode)) throw Error("it is a directory");
        return read_all(file.get(), max_bytes);
    });
}

void write_kernel_file(const std::string& path, std::string_view content) {
    const UniqueFd file = open_file(path, O_WRONLY);
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0) throw SystemError(concat("writing '", content, "' to '", path, "'"), "write");
}

void replace_file(const std::string& path, std::string_view content) {
    OutputFile(path).write(content);
}

std::string executable_directory() {
    // Not std::filesystem: it would bring a megabyte of locales into the guest program.
    std::array<char, PATH_MAX> path{};
    const ssize_t length = check(::readlink("/proc/self/exe", path.data(), path.size()),
                                 "finding this program's own files", "readlink");
    const std::string_view text(path.data(), static_cast<std::size_t>(length));
    return std::string(text.substr(0, text.rfind('/')));
}

}  // namespace vitrine
