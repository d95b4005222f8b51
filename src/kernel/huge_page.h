// Memory for one transparent huge page.
#pragma once

#include <cstdint>
#include <utility>

namespace vitrine::kernel {

/// What x86-64 and, with pages of 4 KiB, AArch64 have.
inline constexpr std::uintptr_t kHugePageBytes = std::uintptr_t{2} << 20;

/// Private, anonymous, writable memory of kHugePageBytes at a multiple of that; unmapped with it.
/// Whether one page holds it is the kernel's choice.
class HugePage {
  public:
    /// Empty where there is no memory.
    HugePage() noexcept;
    ~HugePage();
    HugePage(const HugePage&) = delete;
    HugePage& operator=(const HugePage&) = delete;

    explicit operator bool() const noexcept { return begin_ != nullptr; }
    void* get() const noexcept { return begin_; }
    /// It is somebody else's from here on.
    void* release() noexcept { return std::exchange(begin_, nullptr); }

  private:
    void* begin_ = nullptr;
};

}  // namespace vitrine::kernel
