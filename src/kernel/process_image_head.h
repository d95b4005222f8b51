// The form of a process image: its head, then its table of regions, then their pages.
#pragma once

#include <linux/prctl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/process_image.h"
#include "kernel/program_origin.h"

namespace vitrine::kernel {

struct Arrival;

inline constexpr std::uint64_t kPage = 4096;
inline constexpr std::size_t kMaxRegions = 4096;
inline constexpr std::size_t kMaxLabel = 4096;
inline constexpr std::size_t kMaxVdsoParts = 4;
inline constexpr std::size_t kSignals = 64;
inline constexpr std::array<char, 8> kImageMagic{'v', 'i', 't', 'r', 'i', 'm', 'g', '2'};

struct Region {
    enum class Content : std::uint32_t {
        kPages,   ///< In the file, from `offset` on.
        kZeroes,  ///< None: it is all zeroes.
        kFresh,   ///< None: the kernel empties it in every fork, and so does going on.
    };
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t offset = 0;
    std::int32_t protection = 0;
    Content content = Content::kPages;
};

/// Where the kernel's own pages are, relative to the vdso's first.
struct VdsoPart {
    std::int64_t offset = 0;
    std::uint64_t size = 0;
};

/// As the system call has it, not the C library.
struct SignalAction {
    std::uint64_t handler = 0;
    std::uint64_t flags = 0;
    std::uint64_t restorer = 0;
    std::uint64_t mask = 0;
};

/// Where a thread has registered its restartable sequences; see rseq(2).
struct Rseq {
    std::uint64_t address = 0;  ///< 0: it has not.
    std::uint64_t size = 0;
};

/// The kernel's view of a thread's memory.
struct ThreadArea {
    std::uint64_t pointer = 0;  ///< The register fs.
    std::uint64_t id = 0;       ///< Where the thread's id is.
    std::uint64_t robust_list = 0;
    std::uint64_t robust_list_size = 0;
    Rseq rseq;
};

struct ImageHead {
    std::array<char, 8> magic = kImageMagic;
    Origin origin;
    std::uint64_t file_size = 0;
    /// Of this file, in the image: where a process that goes on arrives.
    void (*arrive)(const Arrival& arrival) noexcept = nullptr;
    GoOn go_on = nullptr;
    void* state = nullptr;
    ThreadArea thread;
    prctl_mm_map memory{};
    std::uint64_t vdso = 0;
    std::array<VdsoPart, kMaxVdsoParts> vdso_parts{};
    std::array<SignalAction, kSignals> actions{};
    std::uint64_t region_count = 0;
    std::uint64_t label_size = 0;
    std::array<char, kMaxLabel> label{};
};

/// What is told to whoever arrives, on the stack that both have.
struct Arrival {
    const ImageHead& head;
    std::uint64_t stack_end;  ///< Where the kernel has put this process's arguments.
    void* argument;
    const FormerMemory& former;
};

/// Where whoever goes on arrives, in this program's own code.
void arrive(const Arrival& arrival) noexcept;

/// Of this thread.
Rseq own_rseq();
/// Where the kernel has put this process's arguments, as the C library has it.
std::uint64_t own_stack_end();

inline std::uint64_t page_of(std::uint64_t address) {
    return address & ~(kPage - 1);
}

inline std::uint64_t to_address(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

template <typename Type = char>
Type* to_pointer(std::uint64_t address) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses of mappings.
    return reinterpret_cast<Type*>(address);
}

inline std::span<const std::byte> bytes_at(std::uint64_t address, std::size_t size) {
    return std::as_bytes(std::span(to_pointer(address), size));
}

}  // namespace vitrine::kernel
