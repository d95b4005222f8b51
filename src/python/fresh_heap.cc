#include "python/fresh_heap.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "base/error.h"

namespace vitrine::python {

namespace {

/// The sizes that CPython's allocator has pools of (obmalloc.c: ALIGNMENT,
/// SMALL_REQUEST_THRESHOLD).
constexpr std::size_t kSmallStep = 16;
constexpr std::size_t kLargestSmall = 512;
/// With another allocator in its place (PYTHONMALLOC), no arena is ever asked for.
constexpr int kMostBlocks = 1 << 20;

/// The C library gives larger blocks pages of their own (M_MMAP_THRESHOLD), smaller ones no place
/// that is less than this.
constexpr std::size_t kLargestBlock = std::size_t{64} << 10;
constexpr std::size_t kSmallestBlock = 24;
constexpr std::size_t kBlockStep = 16;
/// What is kept free at the end of the heap, so that a program need not ask for it.
constexpr int kRoomAtTheEnd = 512 << 10;

/// Stands in for where CPython's allocator has its arenas from, and remembers the last.
class ArenaWatch {
  public:
    explicit ArenaWatch(const Api& api) : api_(api) {
        api.PyObject_GetArenaAllocator(&real_);
        PyObjectArenaAllocator mine{.ctx = this, .alloc = &make, .free = &release};
        api.PyObject_SetArenaAllocator(&mine);
    }
    ~ArenaWatch() { api_.PyObject_SetArenaAllocator(&real_); }
    ArenaWatch(const ArenaWatch&) = delete;
    ArenaWatch& operator=(const ArenaWatch&) = delete;

    bool is_in_new_arena(const void* block) const {
        const auto address = reinterpret_cast<std::uintptr_t>(block);
        return address >= begin_ && address < end_;
    }

  private:
    static void* make(void* self, std::size_t size) {
        auto& watch = *static_cast<ArenaWatch*>(self);
        void* arena = watch.real_.alloc(watch.real_.ctx, size);
        watch.begin_ = reinterpret_cast<std::uintptr_t>(arena);
        watch.end_ = watch.begin_ + size;
        return arena;
    }
    static void release(void* self, void* arena, std::size_t size) {
        const auto& watch = *static_cast<ArenaWatch*>(self);
        watch.real_.free(watch.real_.ctx, arena, size);
    }

    const Api& api_;
    PyObjectArenaAllocator real_{};
    std::uintptr_t begin_ = 0;
    std::uintptr_t end_ = 0;
};

/// The largest size first: it takes what pools no size has yet, until a new arena is needed. Then
/// each size fills the pools it has.
void fill_pools(const Api& api) {
    const ArenaWatch arenas(api);
    int left = kMostBlocks;
    for (std::size_t size = kLargestSmall; size > 0; size -= kSmallStep) {
        void* block = nullptr;
        do {
            block = api.PyObject_Malloc(size);
        } while (block != nullptr && !arenas.is_in_new_arena(block) && --left > 0);
        api.PyObject_Free(block);
    }
}

std::uintptr_t end_of_used_heap() {
    const auto end = reinterpret_cast<std::uintptr_t>(::sbrk(0));
    return end - ::mallinfo2().keepcost;
}

/// The largest first, so that what is left of a place is taken by the sizes that follow.
void fill_c_heap() {
    // A heap that gives back and asks again in every fork would spend two calls on it.
    (void)::mallopt(M_TRIM_THRESHOLD, 4 * kRoomAtTheEnd);
    (void)::mallopt(M_TOP_PAD, kRoomAtTheEnd);
    std::free(std::malloc(kLargestBlock));
    const std::uintptr_t end = end_of_used_heap();
    for (std::size_t size = kLargestBlock; size >= kSmallestBlock; size -= kBlockStep) {
        void* block = std::malloc(size);
        while (block != nullptr && reinterpret_cast<std::uintptr_t>(block) < end)
            block = std::malloc(size);
        std::free(block);
    }
}

}  // namespace

void take_free_places(const Api& api) {
    fill_pools(api);
    fill_c_heap();
}

}  // namespace vitrine::python
