#include "seccomp/cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/sha256.h"

namespace vitrine::seccomp {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFiles = 256;

bool is_ours(const struct stat& info) {
    return info.st_uid == 0 || info.st_uid == ::geteuid();
}

bool is_writable_by_others(const struct stat& info) {
    return (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

/// Whether nobody but this user and root can put something at `directory`. In a directory with the
/// sticky bit (/tmp) others cannot replace what is ours.
bool is_trusted(const std::string& directory) {
    std::error_code error;
    const fs::path real = fs::canonical(directory, error);
    if (error) return false;
    for (fs::path at = real; !at.empty(); at = at.parent_path()) {
        struct stat info{};
        if (::lstat(at.c_str(), &info) < 0 || !S_ISDIR(info.st_mode) || !is_ours(info))
            return false;
        const bool is_sticky = (info.st_mode & S_ISVTX) != 0 && at != real;
        if (is_writable_by_others(info) && !is_sticky) return false;
        if (at == at.root_path()) break;
    }
    return true;
}

/// The content of a file that is ours, or nothing.
std::optional<std::string> read_trusted(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat info{};
    if (!file || ::fstat(file.get(), &info) < 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    if (!is_ours(info) || is_writable_by_others(info)) return std::nullopt;
    return read_all(file.get(), kMaxStoredFilter);
}

/// Removes the oldest files, those of broken-off writers among them. Another run may be at it too.
void drop_oldest(const std::string& directory) {
    std::vector<std::pair<fs::file_time_type, fs::path>> files;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory, ignored))
        files.emplace_back(entry.last_write_time(ignored), entry.path());
    if (files.size() <= kMaxFiles) return;
    std::ranges::sort(files);
    files.resize(files.size() - kMaxFiles);
    for (const auto& [time, path] : files)
        fs::remove(path, ignored);
}

void make_directory(const std::string& directory) {
    std::error_code ignored;
    fs::create_directories(fs::path(directory).parent_path(), ignored);
    if (::mkdir(directory.c_str(), 0755) < 0 && errno != EEXIST) {
        throw SystemError(concat("making '", directory, "'"), "mkdir");
    }
    if (!is_trusted(directory)) {
        throw Error(concat("'", directory, "' can be written to by others"));
    }
}

/// Written beside and renamed: a reader sees a whole file or none.
void write_whole(const std::string& path, std::string_view bytes) {
    std::string beside = concat(path, ".XXXXXX");
    const UniqueFd file(::mkostemp(beside.data(), O_CLOEXEC));
    if (!file) throw SystemError(concat("writing '", path, "'"), "mkostemp");
    try {
        write_all(file.get(), bytes);
        check(::rename(beside.c_str(), path.c_str()), concat("writing '", path, "'"), "rename");
    } catch (const Error&) {
        ::unlink(beside.c_str());
        throw;
    }
}

std::string environment(const char* name) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment.
    const char* value = ::secure_getenv(name);
    return value != nullptr ? value : "";
}

}  // namespace

std::string Cache::path_of(const FilterKey& key, KernelVersion kernel) const {
    const std::string all = concat(key.text(), "kernel ", kernel.major, ".", kernel.minor, "\n");
    return concat(directory_, "/", sha256_hex(all), ".bpf");
}

std::optional<Filter> Cache::get(const FilterKey& key, KernelVersion kernel) const {
    if (directory_.empty()) return std::nullopt;
    try {
        if (!is_trusted(directory_)) return std::nullopt;
        const auto bytes = read_trusted(path_of(key, kernel));
        return bytes ? decode_filter(*bytes, key, kernel) : std::nullopt;
    } catch (const Error&) {
        return std::nullopt;  // As if it had never been kept.
    }
}

std::string Cache::put(const FilterKey& key, KernelVersion kernel, std::string_view bytes) const {
    if (directory_.empty()) return {};
    try {
        make_directory(directory_);
        write_whole(path_of(key, kernel), bytes);
        drop_oldest(directory_);
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

std::string default_cache_directory() {
    const std::string xdg = environment("XDG_CACHE_HOME");
    // The XDG specification: a path that is not absolute is to be ignored.
    if (xdg.starts_with('/')) return xdg + "/vitrine";
    if (::geteuid() == 0) return "/var/cache/vitrine";
    const std::string home = environment("HOME");
    return home.starts_with('/') ? home + "/.cache/vitrine" : "";
}

}  // namespace vitrine::seccomp
