#include "runtime/artifacts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/fd.h"
#include "base/sha256.h"
#include "kernel/beneath.h"
#include "runtime/text.h"

namespace vitrine::runtime {

namespace {

constexpr const char* kOut = "out";
constexpr unsigned kFileMode = 0644;
constexpr unsigned kDirectoryMode = 0755;
/// A copy in the making; it takes its name only when it is complete.
constexpr const char* kDraft = ".vitrine-artifact";

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

/// The names in a directory, sorted, without `.` and `..`; at most `limit` and one more.
std::vector<std::string> names_in(int dir_fd, std::uint64_t limit) {
    UniqueFd own = duplicate(dir_fd);
    const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(own.get()));
    if (!directory) throw SystemError("listing a directory", "fdopendir");
    (void)own.release();
    std::vector<std::string> names;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone.
    while (const dirent* entry = ::readdir(directory.get())) {
        const std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        names.push_back(name);
        if (names.size() > limit) break;
    }
    std::ranges::sort(names);
    return names;
}

const char* unwanted_kind(mode_t mode) {
    if (S_ISLNK(mode)) return "a symbolic link";
    if (S_ISFIFO(mode)) return "a fifo";
    if (S_ISSOCK(mode)) return "a socket";
    if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
    return nullptr;
}

bool is_plain_name(const std::string& name) {
    const bool has_control = std::ranges::any_of(name, [](char character) {
        return static_cast<unsigned char>(character) < 0x20 || character == 0x7f;
    });
    return !has_control && is_utf8(name);
}

/// For the report: nothing in it reaches a terminal as it is.
std::string escaped(const std::string& name) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string text;
    const bool is_text = is_utf8(name);
    for (const char character : name) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_text)) {
            text += concat("\\x", kHex[byte >> 4U], kHex[byte & 15U]);
        } else {
            text.push_back(character);
        }
    }
    return text;
}

class Collection {
  public:
    Collection(const ArtifactLimits& limits) : limits_(limits) {}

    void collect(int from_fd, int to_fd, const std::string& path, std::uint64_t depth) {
        for (const std::string& name : names_in(from_fd, limits_.files)) {
            if (seen_++ >= limits_.files) {
                if (seen_ == limits_.files + 1) {
                    refuse(path, concat("more than ", limits_.files, " files"));
                }
                return;
            }
            const std::string below = path.empty() ? name : concat(path, "/", name);
            try {
                take(from_fd, to_fd, name, below, depth);
            } catch (const SystemError& error) {
                refuse(below, errno_text(error.error_number()));
            }
        }
    }

    Artifacts result() { return std::move(artifacts_); }

  private:
    void refuse(const std::string& path, std::string reason) {
        artifacts_.refused.push_back({escaped(path), std::move(reason)});
    }

    void take(int from_fd, int to_fd, const std::string& name, const std::string& path,
              std::uint64_t depth) {
        if (!is_plain_name(name)) return refuse(path, "a name with control characters or no UTF-8");
        struct stat info{};
        check(::fstatat(from_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW), "looking", "fstatat");
        if (const char* kind = unwanted_kind(info.st_mode)) return refuse(path, kind);
        if (S_ISDIR(info.st_mode)) return descend(from_fd, to_fd, name, path, depth);
        if (static_cast<std::uint64_t>(info.st_size) > limits_.bytes - used_) {
            return refuse(path, concat(info.st_size, " bytes are more than the ",
                                       limits_.bytes - used_, " that are left"));
        }
        const UniqueFd from = kernel::open_beneath(from_fd, name, O_RDONLY | O_NOFOLLOW);
        copy(from.get(), to_fd, name, path);
    }

    void descend(int from_fd, int to_fd, const std::string& name, const std::string& path,
                 std::uint64_t depth) {
        if (depth == 0) return refuse(path, "too many directories in each other");
        const UniqueFd from = kernel::open_beneath(from_fd, name, O_RDONLY | O_DIRECTORY);
        if (::mkdirat(to_fd, name.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
            throw SystemError("making a directory", "mkdirat");
        }
        const UniqueFd to = kernel::open_beneath(to_fd, name, O_RDONLY | O_DIRECTORY);
        collect(from.get(), to.get(), path, depth - 1);
    }

    void copy(int from_fd, int to_fd, const std::string& name, const std::string& path) {
        (void)::unlinkat(to_fd, kDraft, 0);
        try {
            const UniqueFd draft =
                kernel::open_beneath(to_fd, kDraft, O_WRONLY | O_CREAT | O_EXCL, kFileMode);
            Artifact artifact{.path = path, .bytes = 0, .sha256 = {}};
            copy_content(from_fd, draft.get(), artifact);
            check(::fchmod(draft.get(), kFileMode), "opening the copy to readers", "fchmod");
            check(::renameat(to_fd, kDraft, to_fd, name.c_str()), "naming the copy", "renameat");
            used_ += artifact.bytes;
            artifacts_.collected.push_back(std::move(artifact));
        } catch (...) {
            (void)::unlinkat(to_fd, kDraft, 0);
            throw;
        }
    }

    static void copy_content(int from_fd, int to_fd, Artifact& artifact) {
        std::array<std::byte, 1U << 16U> buffer;
        Sha256 hash;
        for (;;) {
            const ssize_t got =
                check(::read(from_fd, buffer.data(), buffer.size()), "reading", "read");
            if (got == 0) break;
            const auto piece = std::span(buffer).first(static_cast<std::size_t>(got));
            write_all(to_fd, piece);
            hash.feed(piece);
            artifact.bytes += piece.size();
        }
        artifact.sha256 = hash.hex();
    }

    const ArtifactLimits& limits_;
    Artifacts artifacts_;
    std::uint64_t seen_ = 0;
    std::uint64_t used_ = 0;
};

}  // namespace

Artifacts collect_artifacts(int tmp_fd, const std::string& target, const ArtifactLimits& limits) {
    std::filesystem::create_directories(target);
    const UniqueFd to = open_file(target, O_RDONLY | O_DIRECTORY);
    Collection collection(limits);
    try {
        const UniqueFd from = kernel::open_beneath(tmp_fd, kOut, O_RDONLY | O_DIRECTORY);
        collection.collect(from.get(), to.get(), {}, limits.depth);
    } catch (const SystemError& error) {
        Artifacts none;
        // The job may take its directory away: then it leaves nothing.
        if (error.error_number() != ENOENT) {
            none.refused.push_back({"/tmp/out", errno_text(error.error_number())});
        }
        return none;
    }
    return collection.result();
}

}  // namespace vitrine::runtime
