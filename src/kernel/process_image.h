// A process's memory kept in a file, from which later processes of the same program go on.
//
// What takes long to make and is always the same, as an interpreter that has started, is made once.
// A process that goes on from it maps the file, private and at the addresses it was made at, in
// place of all it had; pages are read as they are touched. An image holds memory, and how the
// kernel finds the thread's part of it, and nothing else: no descriptor, no credential, no mount.
// Of the process that goes on stay its stack, on which it continues, and all that the kernel knows
// of it.
//
// An image fits only where nothing that went into it has changed: this program and the libraries
// it starts with, by their build ids; the kernel's vdso, whose functions are called at addresses
// found when a program starts; the processor, for which the C library has chosen its functions; and
// whatever the label says. x86-64 with glibc; elsewhere none can be made.
//
// Whoever can write an image decides what code goes on: the caller sees to it that nobody can who
// should not.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vitrine::kernel {

#if defined(__x86_64__)
inline constexpr bool kHasProcessImages = true;
#else
inline constexpr bool kHasProcessImages = false;
#endif

/// What a process had that went on from an image.
class FormerMemory {
  public:
    struct Range {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };
    static constexpr std::size_t kMaxRanges = 400;

    /// What is not to be forgotten. False where that is too much.
    bool keep(Range range);
    /// Unmaps all the rest. Nothing of it may be used any more.
    void forget() const;

  private:
    std::array<Range, kMaxRanges> kept_{};  // By address.
    std::size_t count_ = 0;
};

/// Called with the image's memory in place, in addition to what was there: `state` is what was
/// given when the image was made, `argument` what is given now. Must not return.
using GoOn = void (*)(void* state, void* argument, const FormerMemory& former) noexcept;

/// Asks for addresses that are the same each time, and where others have neither stack nor
/// libraries, and for threads with the usual stack: an image is to be made. Takes effect at the
/// next exec. Throws SystemError.
void ask_for_image_layout();

/// Writes this process to `fd`, from its offset 0 on. It must be single-threaded, have a /proc of
/// its own, and have started with ask_for_image_layout(). Whoever goes on comes to `go_on`.
/// `label` may be 4 KiB long. Throws Error.
void write_process_image(int fd, GoOn go_on, void* state, std::string_view label);

/// Whether `fd` holds what write_process_image() wrote, all of it. Of its content nothing is said.
bool is_whole_image(int fd);

/// Why an image is not gone on from.
enum class Misfit : std::uint8_t {
    kNone,
    kAbsent,      ///< There is none.
    kUnreadable,  ///< It cannot be opened.
    kDamaged,     ///< It is no image, or not a whole one.
    kProgram,     ///< Of another program, or of other libraries.
    kProcessor,   ///< Made on another processor.
    kKernel,      ///< Made on another kernel, or this one lacks what it takes.
    kLabel,       ///< Of something else.
    kPlace,       ///< Something of this process is where it belongs.
    kRoom,        ///< It cannot be mapped: too little is allowed.
    kLast = kRoom,
};

/// Goes on from the image in `fd`. Returns only where it cannot; everything is as it was then. The
/// process must be single-threaded.
Misfit go_on_from(int fd, std::string_view label, void* argument);

}  // namespace vitrine::kernel
