#include "python/fresh_heap.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace vitrine::python {

namespace {

/// The sizes that CPython's allocator has pools of (obmalloc.c: ALIGNMENT,
/// SMALL_REQUEST_THRESHOLD).
constexpr std::size_t kSmallStep = 16;
constexpr std::size_t kLargestSmall = 512;
/// With another allocator in its place no arena is ever asked for. More free places than this are
/// left to the forks.
constexpr std::size_t kMostBytes = std::size_t{64} << 20;

/// The C library gives larger blocks pages of their own (M_MMAP_THRESHOLD), smaller ones no place
/// that is less than this.
constexpr std::size_t kLargestBlock = std::size_t{64} << 10;
constexpr std::size_t kSmallestBlock = 24;
constexpr std::size_t kBlockStep = 16;

/// The largest size first: it takes what pools no size has yet, until a new arena is needed. Then
/// each size fills the pools it has.
void fill_pools(const Api& api, const HugeArenas& arenas) {
    std::size_t taken = 0;
    for (std::size_t size = kLargestSmall; size > 0; size -= kSmallStep) {
        void* block = nullptr;
        do {
            block = api.PyObject_Malloc(size);
            taken += size;
        } while (block != nullptr && !arenas.is_in_newest(block) && taken < kMostBytes);
        api.PyObject_Free(block);
    }
}

std::uintptr_t end_of_used_heap() {
    const auto end = reinterpret_cast<std::uintptr_t>(::sbrk(0));
    return end - ::mallinfo2().keepcost;
}

/// The largest first, so that what is left of a place is taken by the sizes that follow. No
/// mallopt(3): whatever it sets, the C library then stops learning from what is freed which blocks
/// to keep, and maps every large one anew.
void fill_c_heap() {
    const std::uintptr_t end = end_of_used_heap();
    for (std::size_t size = kLargestBlock; size >= kSmallestBlock; size -= kBlockStep) {
        void* block = std::malloc(size);
        while (block != nullptr && reinterpret_cast<std::uintptr_t>(block) < end)
            block = std::malloc(size);
        std::free(block);
    }
}

}  // namespace

void take_free_places(const Api& api, HugeArenas& arenas) {
    arenas.step_aside();
    fill_pools(api, arenas);
    fill_c_heap();
}

}  // namespace vitrine::python
