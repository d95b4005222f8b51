// Where CPython's allocator has its arenas from while a heap is warmed up: huge pages, one arena
// beside the other. A fork copies their page table, and ending it takes that apart.
#pragma once

#include <cstdint>
#include <memory>

#include "python/api.h"

namespace vitrine::python {

/// Stands in for the arena allocator. Lives as long as the process: arenas of it can be given back
/// at any time.
class HugeArenas {
  public:
    /// Before the interpreter starts, or later.
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
    std::uintptr_t next_ = 0;
    std::uintptr_t end_ = 0;  ///< Of the chunk that arenas are cut from.
    std::uintptr_t newest_ = 0;
    std::size_t newest_size_ = 0;
};

}  // namespace vitrine::python
