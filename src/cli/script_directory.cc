#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/job_sources.h"
#include "runtime/text.h"

namespace vitrine::cli {

namespace {

using batch::Entry;
using batch::Next;

constexpr int kMaxIdle = 256;

struct Name {
    std::string text;
    bool is_directory = false;
};

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { (void)::closedir(directory); }
};

/// Scripts and directories in `path`, sorted. Throws SystemError.
std::vector<Name> list(const std::string& path) {
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
    if (!directory) throw SystemError(concat("listing '", path, "'"), "opendir");
    std::vector<Name> names;
    for (const dirent* item = ::readdir(directory.get()); item != nullptr;
         item = ::readdir(directory.get())) {
        const std::string name = item->d_name;
        if (name == "." || name == "..") continue;
        struct stat info{};
        const bool is_known =
            ::fstatat(::dirfd(directory.get()), item->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0;
        const bool is_directory = is_known && S_ISDIR(info.st_mode);
        if (is_directory || name.ends_with(".py")) names.push_back({name, is_directory});
    }
    std::ranges::sort(names, std::less{}, &Name::text);
    return names;
}

std::uint64_t count_scripts(const std::string& path) {
    std::uint64_t count = 0;
    try {
        for (const Name& name : list(path))
            count += name.is_directory ? count_scripts(concat(path, "/", name.text)) : 1;
    } catch (const SystemError&) {
        ++count;  // It will be answered as one that cannot be read.
    }
    return count;
}

/// An id is text, a file's name need not be.
std::string printable(const std::string& name) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const bool is_text = runtime::is_utf8(name);
    std::string out;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f || (!is_text && byte >= 0x80)) {
            out += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
        } else {
            out.push_back(c);
        }
    }
    return out;
}

/// Walks depth first and holds the names of one directory a level.
class Directory : public batch::Source {
  public:
    Directory(std::string path, JobDefaults defaults, IsDone is_done)
        : path_(std::move(path)),
          defaults_(std::move(defaults)),
          is_done_(std::move(is_done)),
          total_(count_scripts(path_)) {
        levels_.push_back({"", list(path_), 0});
    }

    Next next(Entry& entry) override {
        for (int idle = 0; idle < kMaxIdle; ++idle) {
            while (!levels_.empty() && levels_.back().at == levels_.back().names.size())
                levels_.pop_back();
            if (levels_.empty()) return Next::kEnd;
            if (take(entry)) return Next::kEntry;
        }
        return Next::kNotYet;
    }

    std::optional<double> share() const override {
        if (total_ == 0) return std::nullopt;
        return std::min(1.0, static_cast<double>(seen_) / static_cast<double>(total_));
    }
    std::uint64_t skipped() const override { return skipped_; }

  private:
    struct Level {
        std::string prefix;  ///< Of its names below the whole: `sub/`.
        std::vector<Name> names;
        std::size_t at;
    };

    bool take(Entry& entry) {
        Level& level = levels_.back();
        const Name& name = level.names[level.at++];
        const std::string relative = concat(level.prefix, name.text);
        const std::string id = printable(relative);
        if (name.is_directory) return descend(relative, id, entry);
        ++seen_;
        if (is_done_(id)) {
            ++skipped_;
            return false;
        }
        entry = read_script_job(defaults_, concat(path_, "/", relative), id);
        return true;
    }

    /// True when the directory itself has to be answered: its scripts cannot be known.
    bool descend(const std::string& relative, const std::string& id, Entry& entry) {
        try {
            levels_.push_back({concat(relative, "/"), list(concat(path_, "/", relative)), 0});
            return false;
        } catch (const SystemError& error) {
            ++seen_;
            if (is_done_(id)) return false;
            entry = refuse_line(id, 0, error);
            return true;
        }
    }

    std::string path_;
    JobDefaults defaults_;
    IsDone is_done_;
    std::uint64_t total_;
    std::uint64_t seen_ = 0;
    std::uint64_t skipped_ = 0;
    std::vector<Level> levels_;
};

}  // namespace

std::unique_ptr<batch::Source> open_directory(const std::string& path, JobDefaults defaults,
                                              IsDone is_done) {
    return std::make_unique<Directory>(path, std::move(defaults), std::move(is_done));
}

}  // namespace vitrine::cli
