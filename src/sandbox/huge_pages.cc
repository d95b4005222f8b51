#include "sandbox/huge_pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/words.h"
#include "kernel/huge_page.h"

namespace vitrine::sandbox {

namespace {

using kernel::kHugePageBytes;

constexpr std::uintptr_t kPage = 4096;
constexpr std::size_t kMaxMapsBytes = std::size_t{16} << 20;
/// MADV_COLLAPSE of linux/mman.h, which Debian 12's C library does not name.
constexpr int kCollapse = 25;
/// Of the 512 pages of what becomes a huge one: fewer are not worth the memory. With numpy and
/// pandas, a run takes 2.0 ms with an eighth and 2.1 with a half, and the same memory.
constexpr int kFewestCodePages = 64;
/// Seven eighths: what is free is for forks to fill, where each page would be copied, and not just
/// found empty.
constexpr int kFewestHeapPages = 448;

struct Mapping {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::string permissions;
    std::string device;
    std::uint64_t inode = 0;

    /// The huge pages that fit in it.
    std::uintptr_t huge_begin() const {
        return (begin + kHugePageBytes - 1) & ~(kHugePageBytes - 1);
    }
    std::uintptr_t huge_end() const { return end & ~(kHugePageBytes - 1); }
};

UniqueFd open_in(int process_fd, const char* name) {
    return UniqueFd(check(::openat(process_fd, name, O_RDONLY | O_CLOEXEC),
                          concat("looking at this process's ", name), "openat"));
}

std::optional<Mapping> parse_mapping(std::string_view line) {
    constexpr int kHexadecimal = 16;
    std::string_view range = take_word(line);
    const auto begin = parse_number(take_until(range, '-'), kHexadecimal);
    const auto end = parse_number(range, kHexadecimal);
    const std::string_view permissions = take_word(line);
    (void)take_word(line);  // The offset.
    const std::string_view device = take_word(line);
    const auto inode = parse_number(take_word(line));
    if (!begin || !end || !inode) return std::nullopt;
    return Mapping{.begin = *begin,
                   .end = *end,
                   .permissions = std::string(permissions),
                   .device = std::string(device),
                   .inode = *inode};
}

std::vector<Mapping> read_mappings(int process_fd) {
    const std::string maps = read_all(open_in(process_fd, "maps").get(), kMaxMapsBytes);
    std::vector<Mapping> mappings;
    for (std::string_view lines = maps; !lines.empty();) {
        if (auto mapping = parse_mapping(take_until(lines, '\n')))
            mappings.push_back(*std::move(mapping));
    }
    return mappings;
}

bool is_heap(const Mapping& mapping) {
    return mapping.inode == 0 && mapping.permissions == "rw-p";
}

bool is_constant(const Mapping& mapping) {
    return mapping.inode != 0 && (mapping.permissions == "r-xp" || mapping.permissions == "r--p");
}

/// The neighbouring constant mappings of each file that has code, as one: a huge page can reach
/// over the border between code and constants, which may then be executed, too.
std::vector<Mapping> join_code(const std::vector<Mapping>& mappings) {
    std::vector<Mapping> joined;
    for (const Mapping& mapping : mappings) {
        if (!is_constant(mapping)) continue;
        if (joined.empty() || joined.back().end != mapping.begin ||
            joined.back().inode != mapping.inode || joined.back().device != mapping.device) {
            joined.push_back(mapping);
            continue;
        }
        joined.back().end = mapping.end;
        if (mapping.permissions == "r-xp") joined.back().permissions = "r-xp";
    }
    std::erase_if(joined, [](const Mapping& mapping) { return mapping.permissions != "r-xp"; });
    return joined;
}

void* at_address(std::uintptr_t address) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel wrote it as a number.
    return reinterpret_cast<void*>(address);
}

/// How many pages of the huge one at `address` this process has mapped.
int count_used_pages(int pagemap_fd, std::uintptr_t address) {
    constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
    std::array<std::uint64_t, kHugePageBytes / kPage> pages{};
    const auto offset = static_cast<off_t>(address / kPage * sizeof(std::uint64_t));
    check(::pread(pagemap_fd, pages.data(), sizeof pages, offset), "looking at used pages",
          "pread");
    return static_cast<int>(
        std::ranges::count_if(pages, [](std::uint64_t page) { return (page & kPresent) != 0; }));
}

/// A copy takes its place at once, and holds the same: the code that runs may be in it.
void copy_to_huge_page(std::uintptr_t address) {
    kernel::HugePage copy;
    if (!copy) return;
    std::memcpy(copy.get(), at_address(address), kHugePageBytes);
    // Wishes: where there are no huge pages, or code must be a file's, it stays where it is.
    if (::madvise(copy.get(), kHugePageBytes, kCollapse) != 0) return;
    if (::mprotect(copy.get(), kHugePageBytes, PROT_READ | PROT_EXEC) != 0) return;
    if (::mremap(copy.get(), kHugePageBytes, kHugePageBytes, MREMAP_MAYMOVE | MREMAP_FIXED,
                 at_address(address)) != MAP_FAILED) {
        (void)copy.release();
    }
}

}  // namespace

void use_huge_pages(int process_fd) {
    const std::vector<Mapping> mappings = read_mappings(process_fd);
    const UniqueFd pagemap(::openat(process_fd, "pagemap", O_RDONLY | O_CLOEXEC));
    if (!pagemap) return;  // A kernel without CONFIG_PROC_PAGE_MONITOR.
    const auto for_each_used = [&](const Mapping& mapping, int fewest, auto gather) {
        for (std::uintptr_t at = mapping.huge_begin(); at < mapping.huge_end();
             at += kHugePageBytes) {
            if (count_used_pages(pagemap.get(), at) >= fewest) gather(at);
        }
    };
    for (const Mapping& heap : mappings | std::views::filter(is_heap)) {
        for_each_used(heap, kFewestHeapPages, [](std::uintptr_t at) {
            (void)::madvise(at_address(at), kHugePageBytes, kCollapse);
        });
    }
    for (const Mapping& code : join_code(mappings))
        for_each_used(code, kFewestCodePages, copy_to_huge_page);
}

}  // namespace vitrine::sandbox
