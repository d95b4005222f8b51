#include "python/arenas.h"

#include <utility>

#include "kernel/huge_page.h"

namespace vitrine::python {

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
    if (size <= kernel::kHugePageBytes && left_ < size) {
        kernel::HugePage page;
        left_ = page ? kernel::kHugePageBytes : 0;
        next_ = static_cast<char*>(page.release());
    }
    if (left_ < size) return real_.alloc(real_.ctx, size);
    left_ -= size;
    return std::exchange(next_, next_ + size);
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
