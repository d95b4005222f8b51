#include "sandbox/huge_pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <optional>
#include <sstream>

namespace vitrine::sandbox {

namespace {

constexpr std::uintptr_t kHugePage = std::uintptr_t{2} << 20;
/// MADV_COLLAPSE of linux/mman.h, which Debian 12's C library does not name.
constexpr int kCollapse = 25;

struct Range {
    std::uintptr_t begin;
    std::uintptr_t end;
};

/// The huge pages that fit in a line's mapping, where that is private, writable and no file's.
std::optional<Range> heap_in(const std::string& line) {
    std::istringstream words(line);
    Range range{};
    char dash = 0;
    std::string permissions;
    std::string offset;
    std::string device;
    std::uint64_t inode = 0;
    words >> std::hex >> range.begin >> dash >> range.end >> permissions >> offset >> device >>
        std::dec >> inode;
    if (!words || inode != 0 || permissions != "rw-p") return std::nullopt;
    range.begin = (range.begin + kHugePage - 1) & ~(kHugePage - 1);
    range.end &= ~(kHugePage - 1);
    if (range.begin >= range.end) return std::nullopt;
    return range;
}

}  // namespace

void use_huge_pages(const std::string& maps) {
    std::istringstream lines(maps);
    for (std::string line; std::getline(lines, line);) {
        // A wish: where there are no huge pages, small ones are as good.
        if (const auto heap = heap_in(line)) {
            // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel wrote it as a number.
            (void)::madvise(reinterpret_cast<void*>(heap->begin), heap->end - heap->begin,
                            kCollapse);
        }
    }
}

}  // namespace vitrine::sandbox
