// Theory of operation.
//
// An image was made at addresses where no ordinary process, whose addresses are random, has
// anything (process_image_maker.cc). So both fit into one address space. Going on from it, a
// process
//
//   1. maps every region of the image at its place, and gives up where one is taken;
//   2. moves the vdso to where the image's code expects it, and tells the kernel where the heap
//      ends; up to here everything can be undone;
//   3. points the thread register, and the addresses that the kernel has of a thread, at the
//      image's: from here on the C library is the image's (cross());
//   4. tells that C library what is another one in this process (arrive());
//   5. calls what the image says. Nothing is returned to.

#include "kernel/process_image.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/rseq.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "kernel/process_image_head.h"

/// Promised by glibc (GLIBC_2.2.5), but in no header.
extern "C" void* __libc_stack_end;  // NOLINT(bugprone-reserved-identifier)

namespace vitrine::kernel {

namespace {

/// Two fields of struct rseq, by words: cpu_id_start and cpu_id.
constexpr std::size_t kRseqStart = 0;
constexpr std::size_t kRseqCpu = 1;
/// Where GCC expects the stack protector's canary, from the thread register on (tcbhead_t).
constexpr std::uint64_t kCanary = 0x28;

struct Image {
    ImageHead head;
    std::vector<Region> regions;
};

bool read_exactly(int fd, void* into, std::size_t size, std::uint64_t offset) {
    return ::pread(fd, into, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

/// False for what is no whole image.
bool read_image(int fd, Image& image) {
    ImageHead& head = image.head;
    if (!read_exactly(fd, &head, sizeof head, 0) || head.magic != kImageMagic) return false;
    if (head.region_count > kMaxRegions || head.label_size > kMaxLabel) return false;
    if (static_cast<std::uint64_t>(::lseek(fd, 0, SEEK_END)) != head.file_size) return false;
    image.regions.resize(head.region_count);
    return read_exactly(fd, image.regions.data(), image.regions.size() * sizeof(Region),
                        sizeof head);
}

Misfit compare(const ImageHead& head, const Origin& own, std::string_view label) {
    if (own.program == 0 || head.origin.program != own.program) return Misfit::kProgram;
    if (head.origin.processor != own.processor) return Misfit::kProcessor;
    if (own.vdso == 0 || head.origin.vdso != own.vdso) return Misfit::kKernel;
    const std::string_view image_label(head.label.data(), head.label_size);
    return image_label == label ? Misfit::kNone : Misfit::kLabel;
}

// ── what can be undone: each is, unless the process goes on ──

/// Regions that are mapped.
class Placed {
  public:
    explicit Placed(std::span<const Region> regions) : regions_(regions) {}
    ~Placed() {
        for (const Region& region : regions_.first(count_))
            (void)::munmap(to_pointer(region.begin), region.end - region.begin);
    }
    Placed(const Placed&) = delete;
    Placed& operator=(const Placed&) = delete;

    Misfit place_all(int fd) {
        for (; count_ < regions_.size(); ++count_) {
            const Misfit misfit = place(fd, regions_[count_]);
            if (misfit != Misfit::kNone) return misfit;
        }
        return Misfit::kNone;
    }

  private:
    static Misfit place(int fd, const Region& region) {
        const std::uint64_t size = region.end - region.begin;
        const bool has_pages = region.content == Region::Content::kPages;
        void* const wanted = to_pointer(region.begin);
        void* const got =
            ::mmap(wanted, size, region.protection,
                   MAP_PRIVATE | MAP_FIXED_NOREPLACE | (has_pages ? 0 : MAP_ANONYMOUS),
                   has_pages ? fd : -1, has_pages ? static_cast<off_t>(region.offset) : 0);
        if (got == MAP_FAILED) return errno == EEXIST ? Misfit::kPlace : Misfit::kRoom;
        if (region.content == Region::Content::kFresh &&
            ::madvise(got, size, MADV_WIPEONFORK) != 0) {
            (void)::munmap(got, size);
            return Misfit::kKernel;
        }
        return Misfit::kNone;
    }

    std::span<const Region> regions_;
    std::size_t count_ = 0;
};

/// The vdso where the image had it: what its C library calls is there. Until then the place is kept
/// free.
class MovedVdso {
  public:
    explicit MovedVdso(const ImageHead& head)
        : parts_(head.vdso_parts), from_(::getauxval(AT_SYSINFO_EHDR)), to_(head.vdso) {}
    ~MovedVdso() {
        for (; moved_ > 0; --moved_)
            (void)move(parts_.at(moved_ - 1), to_, from_);
    }
    MovedVdso(const MovedVdso&) = delete;
    MovedVdso& operator=(const MovedVdso&) = delete;

    bool move_all() {
        for (; moved_ < parts_.size(); ++moved_) {
            if (!move(parts_.at(moved_), from_, to_)) return false;
        }
        return true;
    }

  private:
    static bool move(const VdsoPart& part, std::uint64_t from, std::uint64_t to) {
        if (part.size == 0 || from == to) return true;
        const auto offset = static_cast<std::uint64_t>(part.offset);
        return ::mremap(to_pointer(from + offset), part.size, part.size,
                        MREMAP_MAYMOVE | MREMAP_FIXED, to_pointer(to + offset)) != MAP_FAILED;
    }

    std::array<VdsoPart, kMaxVdsoParts> parts_;
    std::uint64_t from_;
    std::uint64_t to_;
    std::size_t moved_ = 0;
};

/// Nothing is written any more to the thread's area that is about to be left.
class LeftRseq {
  public:
    LeftRseq() : rseq_(own_rseq()) {}
    ~LeftRseq() {
        if (has_left_) (void)::syscall(SYS_rseq, rseq_.address, rseq_.size, 0, RSEQ_SIG);
    }
    LeftRseq(const LeftRseq&) = delete;
    LeftRseq& operator=(const LeftRseq&) = delete;

    bool leave() {
        if (rseq_.address == 0) return true;
        has_left_ =
            ::syscall(SYS_rseq, rseq_.address, rseq_.size, RSEQ_FLAG_UNREGISTER, RSEQ_SIG) == 0;
        return has_left_;
    }

  private:
    Rseq rseq_;
    bool has_left_ = false;
};

/// All of the vdso's parts as one region that nothing is in.
Region vdso_place(const ImageHead& head) {
    Region place{.begin = head.vdso,
                 .end = head.vdso,
                 .protection = PROT_NONE,
                 .content = Region::Content::kZeroes};
    for (const VdsoPart& part : head.vdso_parts) {
        if (part.size == 0) continue;
        const std::uint64_t begin = head.vdso + static_cast<std::uint64_t>(part.offset);
        place.begin = std::min(place.begin, begin);
        place.end = std::max(place.end, begin + part.size);
    }
    return place;
}

/// The heap goes on where the image's ends; its arguments are still this process's own. False where
/// the kernel cannot be told (CONFIG_CHECKPOINT_RESTORE). The C library here cannot allocate any
/// more: the last that can be undone, by not having been done.
bool take_memory_map(const ImageHead& head) {
    prctl_mm_map map = head.memory;
    map.start_stack = own_stack_end();
    map.arg_start = to_address(::program_invocation_name);
    map.arg_end = map.arg_start + std::strlen(::program_invocation_name) + 1;
    map.env_start = map.arg_end;
    map.env_end = map.arg_end;
    map.exe_fd = ~0U;
    return ::prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) == 0;
}

/// False where there is too much.
bool list_what_to_keep(const Image& image, FormerMemory& former) {
    // The stack we are on, with what it may yet grow by.
    constexpr std::uint64_t kAround = std::uint64_t{1} << 20;
    const char here = 0;
    const Region vdso = vdso_place(image.head);
    return std::ranges::all_of(
               image.regions,
               [&](const Region& region) { return former.keep({region.begin, region.end}); }) &&
           former.keep({vdso.begin, vdso.end}) &&
           former.keep({page_of(to_address(&here)) - kAround, own_stack_end() + kAround});
}

// ── no way back ──

/// Without the C library, whose data is at the thread register.
[[gnu::always_inline]] inline std::uint64_t raw_call(std::uint64_t number, std::uint64_t a = 0,
                                                     std::uint64_t b = 0, std::uint64_t c = 0,
                                                     std::uint64_t d = 0) {
    register std::uint64_t r10 __asm__("r10") = d;
    std::uint64_t result = 0;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

struct Crossing {
    const Arrival& arrival;
    std::uint64_t canary;  ///< Of this process: the image's is everybody's.
    std::uint64_t* canary_at;
    std::int32_t* id_at;
    volatile std::int32_t* rseq_at;
};

/// From one C library to the other. Between the two there is none.
[[noreturn, gnu::no_stack_protector, gnu::noinline]] void cross(const Crossing& crossing) {
    const ImageHead& head = crossing.arrival.head;
    const ThreadArea& thread = head.thread;
    constexpr std::uint64_t kExit = 125;
    if (raw_call(SYS_arch_prctl, ARCH_SET_FS, thread.pointer) != 0) {
        (void)raw_call(SYS_exit_group, kExit);
    }
    *crossing.canary_at = crossing.canary;
    *crossing.id_at = static_cast<std::int32_t>(raw_call(SYS_set_tid_address, thread.id));
    if (thread.robust_list != 0) {
        (void)raw_call(SYS_set_robust_list, thread.robust_list, thread.robust_list_size);
    }
    if (thread.rseq.address != 0) {
        crossing.rseq_at[kRseqStart] = 0;
        crossing.rseq_at[kRseqCpu] = RSEQ_CPU_ID_UNINITIALIZED;
        // If it cannot be had, the C library asks the kernel each time.
        if (raw_call(SYS_rseq, thread.rseq.address, thread.rseq.size, 0, RSEQ_SIG) != 0)
            crossing.rseq_at[kRseqCpu] = RSEQ_CPU_ID_REGISTRATION_FAILED;
    }
    for (std::size_t i = 0; i < kSignals; ++i) {
        const SignalAction* action = head.actions.data() + i;
        if (action->handler == 0) continue;
        if (raw_call(SYS_rt_sigaction, i + 1, reinterpret_cast<std::uint64_t>(action), 0,
                     sizeof(std::uint64_t)) != 0) {
            (void)raw_call(SYS_exit_group, kExit);
        }
    }
    head.arrive(crossing.arrival);
    __builtin_unreachable();
}

std::uint64_t own_canary() {
    std::uint64_t canary = 0;
    __asm__ volatile("mov %%fs:0x28, %0" : "=r"(canary));
    return canary;
}

// ── in the image ──

/// In the C library's read-only data, once it has started.
void set_stack_end(std::uint64_t stack_end) {
    void* const at = static_cast<void*>(&::__libc_stack_end);
    void* const page = to_pointer(page_of(to_address(at)));
    (void)::mprotect(page, kPage, PROT_READ | PROT_WRITE);
    std::memcpy(at, &stack_end, sizeof stack_end);
    (void)::mprotect(page, kPage, PROT_READ);
}

/// As the C library does when a program starts: the stack's limit, or 2 MiB where there is none.
void set_stack_of_threads() {
    constexpr rlim_t kUnlimited = rlim_t{2} << 20;
    rlimit limit{};
    pthread_attr_t attributes{};
    if (::getrlimit(RLIMIT_STACK, &limit) != 0) return;
    if (::pthread_getattr_default_np(&attributes) != 0) return;
    const rlim_t wanted = limit.rlim_cur == RLIM_INFINITY ? kUnlimited : limit.rlim_cur;
    const rlim_t size = std::max(wanted, static_cast<rlim_t>(PTHREAD_STACK_MIN));
    if (::pthread_attr_setstacksize(&attributes, page_of(size + kPage - 1)) == 0) {
        (void)::pthread_setattr_default_np(&attributes);
    }
    (void)::pthread_attr_destroy(&attributes);
}

}  // namespace

void arrive(const Arrival& arrival) noexcept {
    set_stack_end(arrival.stack_end);
    set_stack_of_threads();
    arrival.head.go_on(arrival.head.state, arrival.argument, arrival.former);
}

std::uint64_t own_stack_end() {
    return to_address(::__libc_stack_end);
}

Rseq own_rseq() {
    // Registered with what the first kernels know, whatever of it is used (rseq(2)).
    constexpr std::uint64_t kOriginalSize = 32;
    if (::__rseq_size == 0) return {};
    return {.address = to_address(__builtin_thread_pointer()) +
                       static_cast<std::uint64_t>(::__rseq_offset),
            .size = std::max<std::uint64_t>(::__rseq_size, kOriginalSize)};
}

bool FormerMemory::keep(Range range) {
    const auto end = std::next(kept_.begin(), static_cast<std::ptrdiff_t>(count_));
    const auto next =
        std::upper_bound(kept_.begin(), end, range,
                         [](const Range& a, const Range& b) { return a.begin < b.begin; });
    if (next != kept_.begin() && std::prev(next)->end == range.begin) {
        std::prev(next)->end = range.end;
        return true;
    }
    if (count_ == kMaxRanges) return false;
    std::move_backward(next, end, std::next(end));
    *next = range;
    ++count_;
    return true;
}

void FormerMemory::forget() const {
    std::uint64_t from = 16 * kPage;  // vm.mmap_min_addr
    for (const Range& kept : std::span(kept_).first(count_)) {
        if (kept.begin > from) (void)::munmap(to_pointer(from), kept.begin - from);
        from = std::max(from, kept.end);
    }
}

bool is_whole_image(int fd) {
    Image image;
    return read_image(fd, image);
}

Misfit go_on_from(int fd, std::string_view label, void* argument) {
    Image image;
    if (!read_image(fd, image)) return Misfit::kDamaged;
    const ImageHead& head = image.head;
    if (const Misfit misfit = compare(head, own_origin(), label); misfit != Misfit::kNone) {
        return misfit;
    }
    FormerMemory former;
    if (!list_what_to_keep(image, former)) return Misfit::kDamaged;

    Placed placed(image.regions);
    if (const Misfit misfit = placed.place_all(fd); misfit != Misfit::kNone) return misfit;
    const Region vdso = vdso_place(head);
    Placed room(std::span(&vdso, ::getauxval(AT_SYSINFO_EHDR) == head.vdso ? 0 : 1));
    if (const Misfit misfit = room.place_all(-1); misfit != Misfit::kNone) return misfit;
    MovedVdso moved(head);
    LeftRseq left;
    if (!moved.move_all() || !left.leave() || !take_memory_map(head)) return Misfit::kKernel;

    const Arrival arrival{
        .head = head, .stack_end = own_stack_end(), .argument = argument, .former = former};
    cross({.arrival = arrival,
           .canary = own_canary(),
           .canary_at = to_pointer<std::uint64_t>(head.thread.pointer + kCanary),
           .id_at = to_pointer<std::int32_t>(head.thread.id),
           .rseq_at = to_pointer<std::int32_t>(head.thread.rseq.address)});
}

}  // namespace vitrine::kernel
