#include "rootfs/compile.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <set>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"

// Made from compile.py; see meson.build.
extern "C" {
extern const char _binary_rootfs_compile_start[];
extern const char _binary_rootfs_compile_end[];
}

namespace vitrine::rootfs {

namespace {

namespace fs = std::filesystem;

/// Hidden from jobs like all of /.vitrine, and gone with the tree if this build fails.
constexpr const char* kResults = "/.vitrine/bytecode";
constexpr const char* kCache = "__pycache__";

/// PEP 552: magic number, flags, hash of the source.
constexpr std::size_t kHeader = 16;
constexpr std::size_t kFlags = 4;
constexpr std::string_view kUncheckedHash{"\1\0\0\0", 4};
constexpr std::string_view kMagicEnd{"\r\n", 2};

/// Bytecode is about as large as its source; never, in practice, four times.
constexpr std::uint64_t kGrowth = 4;
constexpr std::uint64_t kRoomAtLeast = std::uint64_t{64} << 20U;

/// Every module below the search path, as paths inside the tree, and their bytes together.
struct Modules {
    std::vector<std::string> paths;
    std::uint64_t bytes = 0;
};

bool is_below(const fs::path& root, const fs::path& place) {
    return std::ranges::mismatch(root, place).in1 == root.end();
}

/// A directory as the tree has it, links followed; empty when there is none, or it is elsewhere.
fs::path directory_in_tree(const fs::path& root, const std::string& path) {
    std::error_code missing;
    const fs::path place = fs::canonical(root.string() + path, missing);
    if (missing || !fs::is_directory(place)) return {};
    return is_below(root, place) ? place : fs::path();
}

/// The file itself, or a link to one that is in the tree, too.
bool is_module(const fs::path& root, const fs::directory_entry& entry) {
    if (entry.path().extension() != ".py") return false;
    std::error_code missing;
    const fs::path place = fs::canonical(entry.path(), missing);
    return !missing && is_below(root, place) && fs::is_regular_file(place);
}

Modules find_modules(const fs::path& root, const PythonDescription& python) {
    std::set<std::string> found;  // Directories of the search path are often in each other.
    Modules modules;
    for (const std::string& path : python.search_path) {
        const fs::path directory = directory_in_tree(root, path);
        if (directory.empty()) continue;
        for (const auto& entry : fs::recursive_directory_iterator(directory)) {
            if (!is_module(root, entry)) continue;
            const std::string inside = entry.path().string().substr(root.string().size());
            if (found.insert(inside).second) modules.bytes += entry.file_size();
        }
    }
    modules.paths.assign(found.begin(), found.end());
    return modules;
}

std::string ended_by_nul(const std::vector<std::string>& paths) {
    std::string text;
    for (const std::string& path : paths) {
        text += path;
        text.push_back('\0');
    }
    return text;
}

/// `3.9.2` → `cpython-39`: sys.implementation.cache_tag.
std::string cache_tag(const std::string& version) {
    const std::size_t minor = version.find('.') + 1;
    return concat("cpython-", version.substr(0, minor - 1),
                  version.substr(minor, version.find('.', minor) - minor));
}

std::uint32_t number_at(std::string_view bytes) {
    std::uint32_t number = 0;
    for (std::size_t i = sizeof number; i-- > 0;)
        number = number << 8U | static_cast<unsigned char>(bytes[i]);
    return number;
}

bool is_bytecode(std::string_view bytes) {
    return bytes.size() > kHeader && bytes.substr(2, 2) == kMagicEnd &&
           bytes.substr(kFlags, kUncheckedHash.size()) == kUncheckedHash;
}

/// Takes what came out of the sandbox: somebody else's words.
class Answers {
  public:
    Answers(Tree& tree, const std::vector<std::string>& modules, std::string tag)
        : tree_(tree), modules_(modules), tag_(std::move(tag)), is_taken_(modules.size()) {}

    void take(std::string_view bytes) {
        constexpr std::size_t kWord = sizeof(std::uint32_t);
        while (!bytes.empty()) {
            require(bytes.size() >= 2 * kWord);
            const std::uint32_t module = number_at(bytes);
            const std::uint32_t length = number_at(bytes.substr(kWord));
            bytes.remove_prefix(2 * kWord);
            require(length <= bytes.size() && module < modules_.size() && !is_taken_[module]);
            require(is_bytecode(bytes.substr(0, length)));
            is_taken_[module] = true;
            write(modules_[module], bytes.substr(0, length));
            bytes.remove_prefix(length);
        }
    }

    std::size_t count() const {
        return static_cast<std::size_t>(std::ranges::count(is_taken_, true));
    }

  private:
    static void require(bool is_sound) {
        if (is_sound) return;
        throw Error("its Python wrote something that is no bytecode of its modules");
    }

    /// Where the tree has a link in its place, the module stays without: nothing is followed.
    void write(const std::string& module, std::string_view bytecode) {
        const fs::path path(module);
        const std::string cache = path.parent_path() / kCache;
        const fs::file_status there = fs::symlink_status(tree_.directory() + cache);
        if (fs::exists(there) && !fs::is_directory(there)) return;
        const std::string name = concat(cache, "/", path.stem().string(), ".", tag_, ".pyc");
        fs::remove_all(tree_.directory() + name);
        tree_.write(name, bytecode);
    }

    Tree& tree_;
    const std::vector<std::string>& modules_;
    std::string tag_;
    std::vector<bool> is_taken_;
};

}  // namespace

std::size_t compile_inside(Tree& tree, const PythonDescription& python, const RunInside& run) {
    const fs::path root = fs::canonical(tree.directory());
    const Modules modules = find_modules(root, python);
    const std::uint64_t room = kRoomAtLeast + kGrowth * modules.bytes;
    const std::string results = root.string() + kResults;
    run({.rootfs = root,
         .source = {_binary_rootfs_compile_start, _binary_rootfs_compile_end},
         .input = ended_by_nul(modules.paths),
         .results = results,
         .room = room});
    Answers answers(tree, modules.paths, cache_tag(python.version));
    for (const auto& entry : fs::directory_iterator(results)) {
        if (entry.is_regular_file()) answers.take(read_file(entry.path(), room));
    }
    fs::remove_all(results);
    if (answers.count() == 0) throw Error("its Python compiled none of its modules");
    return answers.count();
}

}  // namespace vitrine::rootfs
