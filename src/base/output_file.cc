#include "base/output_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/error.h"

namespace vitrine {

namespace {

constexpr int kMaxLinks = 40;  // As many as the kernel follows.
constexpr mode_t kNewMode = 0666;
constexpr mode_t kPermissions = 0777;

/// The path without links, or empty when something of it does not exist.
std::string real_path(const std::string& path) {
    struct Free {
        void operator()(char* text) const noexcept { std::free(text); }
    };
    const std::unique_ptr<char, Free> real(::realpath(path.c_str(), nullptr));
    if (real) return real.get();
    if (errno != ENOENT) throw SystemError("finding its place", "realpath");
    return {};
}

std::string read_link(const std::string& path) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    return length < 0 ? std::string()
                      : std::string(target.data(), static_cast<std::size_t>(length));
}

/// The same for a path whose last part need not exist yet. A link that leads nowhere is followed,
/// as open(2) with O_CREAT would.
std::string place_of(std::string path) {
    for (int links = 0; links < kMaxLinks; ++links) {
        if (const std::string real = real_path(path); !real.empty()) return real;
        const std::size_t slash = path.rfind('/');
        const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
        const std::string directory = real_path(parent);
        if (directory.empty()) throw Error(concat("the directory '", parent, "' does not exist"));
        const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
        if (name.empty()) throw Error("it names a directory");
        path = concat(directory, "/", name);
        const std::string target = read_link(path);
        if (target.empty()) return path;
        path = target.starts_with('/') ? target : concat(directory, "/", target);
    }
    throw SystemError("finding its place", "open", ELOOP);
}

std::string directory_of(const std::string& place) {
    const std::size_t slash = place.rfind('/');
    return slash == std::string::npos ? "./" : place.substr(0, slash + 1);
}

/// A file in the directory of `place`. It has no name until it is put in place, so that whoever is
/// killed leaves nothing behind; where the file system has no such files, it has one that nobody
/// can guess, and loses it with the object.
class Draft {
  public:
    explicit Draft(const std::string& place) : place_(place) {
        std::uint64_t number = 0;
        check(::getrandom(&number, sizeof number, 0), "making a name", "getrandom");
        name_ = concat(directory_of(place), ".vitrine-", number, ".tmp");
        file_ = UniqueFd(
            ::open(directory_of(place).c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, kNewMode));
        if (file_) return;
        file_ = UniqueFd(check(
            ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kNewMode),
            "making a file beside it", "open"));
        has_name_ = true;
    }
    ~Draft() {
        if (has_name_) (void)::unlink(name_.c_str());
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;

    int fd() const noexcept { return file_.get(); }

    void put_in_place() {
        // A link cannot replace a file, and a rename needs a name.
        if (!has_name_ && link_to(place_)) return;
        if (!has_name_ && !link_to(name_)) throw SystemError("naming it", "linkat", EEXIST);
        has_name_ = true;
        check(::rename(name_.c_str(), place_.c_str()), "putting it in place", "rename");
        has_name_ = false;
    }

  private:
    /// False when there is such a file already.
    bool link_to(const std::string& path) const {
        const std::string self = concat("/proc/self/fd/", fd());
        if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0)
            return true;
        if (errno != EEXIST) throw SystemError("naming it", "linkat");
        return false;
    }

    std::string place_;
    std::string name_;
    bool has_name_ = false;
    UniqueFd file_;
};

}  // namespace

OutputFile::OutputFile(const std::string& path) : path_(path) {
    with_context(concat("writing '", path_, "'"), [&] { choose_way(); });
}

void OutputFile::choose_way() {
    struct stat info{};
    if (::stat(path_.c_str(), &info) == 0) {
        if (S_ISDIR(info.st_mode)) throw Error("it is a directory");
        // A file that has no path (it was removed) is reached through its descriptor alone.
        if (S_ISREG(info.st_mode)) replaced_ = real_path(path_);
        if (replaced_.empty()) {
            stream_ = UniqueFd(check(::open(path_.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC),
                                     "opening it", "open"));
            return;
        }
        mode_ = info.st_mode & kPermissions;
        check(::access(replaced_.c_str(), W_OK), "replacing it", "access");
    } else {
        replaced_ = place_of(path_);
    }
    // Tried now and not kept: a run that is killed leaves nothing behind.
    const Draft trial(replaced_);
}

void OutputFile::write(std::string_view content) {
    with_context(concat("writing '", path_, "'"), [&] {
        if (stream_) return write_all(stream_.get(), content);
        Draft draft(replaced_);
        write_all(draft.fd(), content);
        if (mode_ != 0) check(::fchmod(draft.fd(), mode_), "keeping its mode", "fchmod");
        draft.put_in_place();
    });
}

}  // namespace vitrine
