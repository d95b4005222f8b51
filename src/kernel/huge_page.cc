#include "kernel/huge_page.h"

#include <sys/mman.h>

namespace vitrine::kernel {

/// Maps twice as much, for the alignment, and gives back what is not needed.
HugePage::HugePage() noexcept {
    void* const mapped = ::mmap(nullptr, 2 * kHugePageBytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return;
    auto* const base = static_cast<char*>(mapped);
    const std::uintptr_t before = -reinterpret_cast<std::uintptr_t>(mapped) & (kHugePageBytes - 1);
    if (before > 0) (void)::munmap(base, before);
    (void)::munmap(base + before + kHugePageBytes, kHugePageBytes - before);
    begin_ = base + before;
}

HugePage::~HugePage() {
    if (begin_ != nullptr) (void)::munmap(begin_, kHugePageBytes);
}

}  // namespace vitrine::kernel
