// Where CPython's allocator has its arenas from while a heap is warmed up: huge pages, one arena
// beside the other. A fork copies their page table, and ending it takes that apart.
#pragma once

#include <cstddef>
#include <cstdint>

#include "python/api.h"

namespace vitrine::python {

/// Stands in for the arena allocator. Lives as long as the process: arenas of it can be given back
/// at any time.
class HugeArenas {
  public:
    /// Before the interpreter has its first arena.
    explicit HugeArenas(const Api& api);
    HugeArenas(const HugeArenas&) = delete;
    HugeArenas& operator=(const HugeArenas&) = delete;

    /// From now on arenas come from where they would have come from without it.
    void step_aside() noexcept;
    /// Whether the block is in the arena that was made last since it stepped aside.
    bool is_in_newest(const void* block) const;

  private:
    void* cut(std::size_t size) noexcept;
    static void* make(void* self, std::size_t size) noexcept;
    static void release(void* self, void* arena, std::size_t size) noexcept;

    PyObjectArenaAllocator real_{};
    bool is_aside_ = false;
    char* next_ = nullptr;  ///< In the huge page that arenas are cut from,
    std::size_t left_ = 0;  ///< of which so much is left.
    std::uintptr_t newest_ = 0;
    std::size_t newest_size_ = 0;
};

}  // namespace vitrine::python
