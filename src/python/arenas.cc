#include "python/arenas.h"

#include <sys/mman.h>

namespace vitrine::python {

namespace {

constexpr std::uintptr_t kHugePage = std::uintptr_t{2} << 20;

/// Null where there is no memory.
std::uintptr_t map_huge_page() {
    void* mapped =
        ::mmap(nullptr, 2 * kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return 0;
    const auto begin = reinterpret_cast<std::uintptr_t>(mapped);
    const std::uintptr_t aligned = (begin + kHugePage - 1) & ~(kHugePage - 1);
    auto* const base = static_cast<char*>(mapped);
    if (aligned > begin) (void)::munmap(base, aligned - begin);
    const std::uintptr_t behind = aligned + kHugePage - begin;
    (void)::munmap(base + behind, 2 * kHugePage - behind);
    return aligned;
}

}  // namespace

HugeArenas::HugeArenas(const Api& api) {
    api.PyObject_GetArenaAllocator(&real_);
    PyObjectArenaAllocator mine{.ctx = this, .alloc = &make, .free = &release};
    api.PyObject_SetArenaAllocator(&mine);
}

void HugeArenas::step_aside() noexcept {
    is_aside_ = true;
    newest_size_ = 0;
}

bool HugeArenas::is_in_newest(const void* block) const {
    return reinterpret_cast<std::uintptr_t>(block) - newest_ < newest_size_;
}

void* HugeArenas::cut(std::size_t size) noexcept {
    if (size <= kHugePage && end_ - next_ < size) {
        next_ = map_huge_page();
        end_ = next_ == 0 ? 0 : next_ + kHugePage;
    }
    if (end_ - next_ < size) return real_.alloc(real_.ctx, size);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): it was one, and is cut into pieces.
    void* arena = reinterpret_cast<void*>(next_);
    next_ += size;
    return arena;
}

void* HugeArenas::make(void* self, std::size_t size) noexcept {
    auto& arenas = *static_cast<HugeArenas*>(self);
    void* arena = arenas.is_aside_ ? arenas.real_.alloc(arenas.real_.ctx, size) : arenas.cut(size);
    arenas.newest_ = reinterpret_cast<std::uintptr_t>(arena);
    arenas.newest_size_ = arena == nullptr ? 0 : size;
    return arena;
}

/// CPython unmaps, whoever has mapped.
void HugeArenas::release(void* self, void* arena, std::size_t size) noexcept {
    const PyObjectArenaAllocator& real = static_cast<HugeArenas*>(self)->real_;
    real.free(real.ctx, arena, size);
}

}  // namespace vitrine::python
