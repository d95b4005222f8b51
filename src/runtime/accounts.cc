#include "runtime/accounts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "kernel/beneath.h"

namespace vitrine::runtime {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

/// A rootfs can be anybody's: no link in it leads out, and no FIFO keeps us waiting.
std::optional<std::string> read_own_file(int rootfs, const std::string& path) {
    UniqueFd file;
    try {
        file = kernel::open_beneath(rootfs, path, O_RDONLY);
    } catch (const SystemError&) {
        return std::nullopt;
    }
    struct stat info{};
    check(::fstat(file.get(), &info), concat("looking at '", path, "' of the rootfs"), "fstat");
    if (!S_ISREG(info.st_mode) || static_cast<std::size_t>(info.st_size) > kMaxBytes) {
        return std::nullopt;
    }
    return read_all(file.get(), kMaxBytes);
}

std::string_view take_until(std::string_view& text, char end) {
    const std::size_t length = text.find(end);
    const std::string_view taken = text.substr(0, length);
    text.remove_prefix(length == std::string_view::npos ? text.size() : length + 1);
    return taken;
}

struct Known {
    bool id = false;
    bool name = false;
};

/// passwd(5) and group(5) begin alike: name, password, id.
Known look_up(std::string_view accounts, std::string_view id, std::string_view name) {
    Known known;
    while (!accounts.empty()) {
        std::string_view line = take_until(accounts, '\n');
        known.name |= take_until(line, ':') == name;
        (void)take_until(line, ':');
        known.id |= take_until(line, ':') == id;
    }
    return known;
}

void add_entry(std::vector<sandbox::MadeFile>& files, int rootfs, const std::string& path,
               std::uint32_t id, const std::string& rest) {
    std::optional<std::string> text = read_own_file(rootfs, path);
    if (!text) return;
    const Known known = look_up(*text, std::to_string(id), "vitrine");
    if (known.id) return;
    if (!text->empty() && !text->ends_with('\n')) *text += '\n';
    *text += concat(known.name ? concat("vitrine", id) : "vitrine", ":x:", id, ":", rest, "\n");
    files.push_back({.path = concat("/", path), .content = *std::move(text)});
}

}  // namespace

std::vector<sandbox::MadeFile> name_ids(const std::string& rootfs, std::uint32_t uid,
                                        std::uint32_t gid) {
    const UniqueFd directory = open_file(rootfs, O_PATH | O_DIRECTORY);
    std::vector<sandbox::MadeFile> files;
    add_entry(files, directory.get(), "etc/passwd", uid, concat(gid, ":the job:/tmp:/nonexistent"));
    add_entry(files, directory.get(), "etc/group", gid, "");
    return files;
}

}  // namespace vitrine::runtime
