// Making a process image. See process_image.cc for what is done with it.
//
// The maker's addresses are not random, and from the lower end of the address space on
// (ADDR_COMPAT_LAYOUT): its program, heap and libraries lie where no ordinary process has anything.
// Of its stack the upper end alone is kept, in which the kernel had put arguments, environment and
// auxiliary vector, for the C library points into them.

#include <asm/prctl.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/words.h"
#include "kernel/process_image.h"
#include "kernel/process_image_head.h"

namespace vitrine::kernel {

namespace {

constexpr int kImageLayout = ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT;
constexpr rlim_t kUsualStack = rlim_t{8} << 20;
constexpr std::size_t kMaxProcFile = std::size_t{16} << 20;
constexpr std::size_t kWorkshopBytes = std::size_t{64} << 20;
/// A hole in the file is worth a mapping of its own from so many pages on.
constexpr std::uint64_t kShortestHole = 16 * kPage;

/// Memory to work in that is no part of the image. While one is made nothing is allocated
/// elsewhere: what the C library writes into its heap then would be written half before and half
/// after.
class Workshop {
  public:
    Workshop() {
        // Between two mappings of another kind, so that it does not become one with a neighbour.
        void* const mapped = ::mmap(nullptr, kWorkshopBytes + 2 * kPage, PROT_NONE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapped == MAP_FAILED) throw SystemError("making room to work in", "mmap");
        outer_ = to_address(mapped);
        check(::mprotect(begin_pointer(), kWorkshopBytes, PROT_READ | PROT_WRITE),
              "making room to work in", "mprotect");
        resource_.emplace(begin_pointer(), kWorkshopBytes, std::pmr::null_memory_resource());
    }
    ~Workshop() {
        resource_.reset();
        (void)::munmap(to_pointer(outer_), kWorkshopBytes + 2 * kPage);
    }
    Workshop(const Workshop&) = delete;
    Workshop& operator=(const Workshop&) = delete;

    std::uint64_t begin() const { return outer_ + kPage; }
    std::pmr::memory_resource* memory() { return &*resource_; }

    /// The whole of a file of /proc.
    std::string_view read(const char* path) {
        const UniqueFd file(check(::open(path, O_RDONLY | O_CLOEXEC), "reading /proc", "open"));
        auto* const buffer = static_cast<char*>(resource_->allocate(kMaxProcFile));
        std::size_t size = 0;
        while (size < kMaxProcFile) {
            const ssize_t got = check(::read(file.get(), buffer + size, kMaxProcFile - size),
                                      "reading /proc", "read");
            if (got == 0) return {buffer, size};
            size += static_cast<std::size_t>(got);
        }
        throw Error("a file of /proc is too long");
    }

  private:
    void* begin_pointer() const { return to_pointer(begin()); }

    std::uint64_t outer_ = 0;
    std::optional<std::pmr::monotonic_buffer_resource> resource_;
};

std::uint64_t number_of(std::string_view word, int base = 10) {
    const auto number = parse_number(word, base);
    if (!number) throw Error("a file of /proc cannot be read");
    return *number;
}

/// An entry of /proc/self/smaps.
struct Mapping {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string_view permissions;
    std::string_view name;
    std::string_view flags;  ///< `rd wr mr` …: see proc_pid_smaps(5).

    bool has(std::string_view flag) const {
        for (std::string_view rest = flags; !rest.empty();) {
            if (take_word(rest) == flag) return true;
        }
        return false;
    }
    int protection() const {
        return (permissions[0] == 'r' ? PROT_READ : 0) | (permissions[1] == 'w' ? PROT_WRITE : 0) |
               (permissions[2] == 'x' ? PROT_EXEC : 0);
    }
};

Mapping parse_head_line(std::string_view line) {
    constexpr int kHexadecimal = 16;
    const std::string_view range = take_word(line);
    const std::size_t dash = range.find('-');
    Mapping mapping{.begin = number_of(range.substr(0, dash), kHexadecimal),
                    .end = number_of(range.substr(dash + 1), kHexadecimal),
                    .permissions = take_word(line),
                    .name = {},
                    .flags = {}};
    if (mapping.permissions.size() < 4) throw Error("a file of /proc cannot be read");
    for (int i = 0; i < 3; ++i)
        (void)take_word(line);  // Offset, device and inode.
    mapping.name = take_word(line);
    return mapping;
}

std::pmr::vector<Mapping> own_mappings(Workshop& workshop) {
    constexpr std::string_view kFlags = "VmFlags:";
    std::pmr::vector<Mapping> mappings(workshop.memory());
    std::string_view text = workshop.read("/proc/self/smaps");
    while (!text.empty()) {
        const std::string_view line = take_until(text, '\n');
        if (line.find('-') < line.find(' ')) {
            mappings.push_back(parse_head_line(line));
        } else if (line.starts_with(kFlags)) {
            mappings.back().flags = line.substr(kFlags.size());
        }
    }
    return mappings;
}

bool is_zero(std::uint64_t page) {
    return std::ranges::all_of(bytes_at(page, kPage),
                               [](std::byte byte) { return byte == std::byte{0}; });
}

/// The end of the pages from `begin` on that are all zero, or all not.
std::uint64_t end_of_run(std::uint64_t begin, std::uint64_t end, bool zero) {
    while (begin < end && is_zero(begin) == zero)
        begin += kPage;
    return begin;
}

/// What is kept of this process's mappings.
class Layout {
  public:
    explicit Layout(Workshop& workshop)
        : vdso_(::getauxval(AT_SYSINFO_EHDR)), regions_(workshop.memory()) {
        regions_.reserve(kMaxRegions);
        for (const Mapping& mapping : own_mappings(workshop)) {
            if (mapping.begin != workshop.begin()) add(mapping);
        }
    }

    /// Gives every region its place in the file; returns the file's size.
    std::uint64_t place() {
        const std::uint64_t table = sizeof(ImageHead) + regions_.size() * sizeof(Region);
        std::uint64_t offset = page_of(table + kPage - 1);
        for (Region& region : regions_) {
            if (region.content != Region::Content::kPages) continue;
            region.offset = offset;
            offset += region.end - region.begin;
        }
        return offset;
    }

    std::uint64_t vdso() const { return vdso_; }
    const std::array<VdsoPart, kMaxVdsoParts>& vdso_parts() const { return vdso_parts_; }
    std::span<const Region> regions() const { return regions_; }

  private:
    void add(const Mapping& mapping) {
        if (mapping.name.starts_with("[v")) return add_kernels(mapping);
        if (mapping.has("sh") && mapping.has("wr")) {
            throw Error("memory that is shared with others cannot be kept");
        }
        // The kernel takes it from every fork (madvise(2), MADV_DONTFORK).
        if (mapping.has("dc")) throw Error("memory that no fork has cannot be kept");
        const int protection = mapping.protection();
        if ((protection & PROT_READ) == 0) return;  // The loader's gaps between segments.
        if (mapping.has("wf") || mapping.has("dp")) {
            // MADV_WIPEONFORK, MAP_DROPPABLE: the C library's random generator, of a secret that no
            // two processes may have.
            return add_region(mapping.begin, mapping.end, Region::Content::kFresh, protection);
        }
        const bool is_stack = mapping.name == "[stack]";
        add_range(is_stack ? page_of(own_stack_end()) : mapping.begin, mapping.end, protection);
    }

    /// [vvar], [vvar_vclock], [vdso]; [vsyscall] is everywhere at the same place.
    void add_kernels(const Mapping& mapping) {
        if (mapping.name == "[vsyscall]") return;
        if (vdso_part_count_ == kMaxVdsoParts) throw Error("the vdso has too many parts");
        vdso_parts_.at(vdso_part_count_++) = {
            .offset = static_cast<std::int64_t>(mapping.begin) - static_cast<std::int64_t>(vdso_),
            .size = mapping.end - mapping.begin};
    }

    void add_range(std::uint64_t begin, std::uint64_t end, int protection) {
        std::uint64_t from = begin;
        for (std::uint64_t at = begin; at < end;) {
            const std::uint64_t hole = end_of_run(at, end, false);
            const std::uint64_t hole_end = end_of_run(hole, end, true);
            if (hole_end - hole >= kShortestHole || (hole_end == end && hole < hole_end)) {
                add_region(from, hole, Region::Content::kPages, protection);
                add_region(hole, hole_end, Region::Content::kZeroes, protection);
                from = hole_end;
            }
            at = hole_end;
        }
        add_region(from, end, Region::Content::kPages, protection);
    }

    void add_region(std::uint64_t begin, std::uint64_t end, Region::Content content,
                    int protection) {
        if (begin == end) return;
        if (regions_.size() == kMaxRegions) throw Error("the process has too many mappings");
        regions_.push_back(
            {.begin = begin, .end = end, .protection = protection, .content = content});
    }

    std::uint64_t vdso_;
    std::array<VdsoPart, kMaxVdsoParts> vdso_parts_{};
    std::size_t vdso_part_count_ = 0;
    std::pmr::vector<Region> regions_;
};

ThreadArea own_thread_area() {
    ThreadArea area{.rseq = own_rseq()};
    check(::syscall(SYS_arch_prctl, ARCH_GET_FS, &area.pointer), "finding the thread's area",
          "arch_prctl");
    check(::prctl(PR_GET_TID_ADDRESS, &area.id, 0, 0, 0), "finding the thread's id",
          "prctl(PR_GET_TID_ADDRESS)");
    check(::syscall(SYS_get_robust_list, 0, &area.robust_list, &area.robust_list_size),
          "finding the thread's robust futexes", "get_robust_list");
    return area;
}

/// Where the kernel has the program: numbers as in proc_pid_stat(5).
class OwnStat {
  public:
    explicit OwnStat(Workshop& workshop) {
        std::string_view stat = workshop.read("/proc/self/stat");
        // The name, the second, is in parentheses, and may hold anything.
        stat.remove_prefix(stat.rfind(')') + 1);
        for (std::size_t i = kFirst; i < words_.size(); ++i)
            words_.at(i) = take_word(stat);
    }
    std::uint64_t operator[](std::size_t number) const { return number_of(words_.at(number)); }

  private:
    static constexpr std::size_t kFirst = 3;
    static constexpr std::size_t kEnd = 48;
    std::array<std::string_view, kEnd> words_;
};

prctl_mm_map memory_map_of(const OwnStat& stat) {
    constexpr std::size_t kStartCode = 26;
    constexpr std::size_t kEndCode = 27;
    constexpr std::size_t kStartData = 45;
    constexpr std::size_t kEndData = 46;
    constexpr std::size_t kStartBrk = 47;
    prctl_mm_map map{};
    map.start_code = stat[kStartCode];
    map.end_code = stat[kEndCode];
    map.start_data = stat[kStartData];
    map.end_data = stat[kEndData];
    map.start_brk = stat[kStartBrk];
    map.brk = to_address(::sbrk(0));
    return map;
}

void check_single_thread(const OwnStat& stat) {
    constexpr std::size_t kThreads = 20;
    if (stat[kThreads] == 1) return;
    throw Error(concat("of ", stat[kThreads], " threads none but one would be there again"));
}

std::array<SignalAction, kSignals> own_signal_actions() {
    std::array<SignalAction, kSignals> actions{};
    for (std::size_t i = 0; i < kSignals; ++i) {
        (void)::syscall(SYS_rt_sigaction, i + 1, nullptr, &actions.at(i), sizeof(std::uint64_t));
    }
    return actions;
}

/// Whoever goes on lists what is not to be forgotten, neighbours as one.
void check_can_be_kept(const Layout& layout) {
    constexpr std::size_t kOthers = 2;  // The stack it is on, the vdso.
    std::size_t ranges = kOthers;
    std::uint64_t end = 0;
    for (const Region& region : layout.regions()) {
        ranges += region.begin == end ? 0 : 1;
        end = region.end;
    }
    if (ranges > FormerMemory::kMaxRanges) throw Error("the process's memory has too many gaps");
}

/// Below what the kernel had put on the stack, the maker's own frames are: they are nobody's.
void write_end_of_stack(int fd, const Region& region) {
    constexpr std::array<std::byte, kPage> kNothing{};
    const std::uint64_t stack_end = own_stack_end();
    write_all(fd, std::span(kNothing).first(stack_end - region.begin));
    write_all(fd, bytes_at(stack_end, region.end - stack_end));
}

void write_pages(int fd, const Region& region) {
    if (region.content != Region::Content::kPages) return;
    if (region.begin == page_of(own_stack_end())) return write_end_of_stack(fd, region);
    write_all(fd, bytes_at(region.begin, region.end - region.begin));
}

}  // namespace

void ask_for_image_layout() {
    check(::personality(kImageLayout), "asking for a fixed layout", "personality");
    // What the C library takes for the stack of threads is found when a program starts.
    rlimit stack{};
    check(::getrlimit(RLIMIT_STACK, &stack), "asking for the usual stack", "getrlimit");
    stack.rlim_cur = std::min(kUsualStack, stack.rlim_max);
    check(::setrlimit(RLIMIT_STACK, &stack), "asking for the usual stack", "setrlimit");
}

void write_process_image(int fd, GoOn go_on, void* state, std::string_view label) {
    constexpr unsigned long kWhichIsIt = 0xffffffff;
    if ((::personality(kWhichIsIt) & kImageLayout) != kImageLayout) {
        throw Error("this process has not the layout of one whose memory can be kept");
    }
    if (label.size() > kMaxLabel) throw Error("the image's label is too long");
    Workshop workshop;
    const OwnStat stat(workshop);
    check_single_thread(stat);
    ImageHead head{.origin = own_origin(),
                   .arrive = &arrive,
                   .go_on = go_on,
                   .state = state,
                   .thread = own_thread_area(),
                   .memory = memory_map_of(stat),
                   .actions = own_signal_actions(),
                   .label_size = label.size()};
    if (head.origin.program == 0) throw Error("this program has no build id");
    std::ranges::copy(label, head.label.begin());
    // From here on the memory that is kept does not change, but for this function's own stack.
    Layout layout(workshop);
    check_can_be_kept(layout);
    head.file_size = layout.place();
    head.vdso = layout.vdso();
    head.vdso_parts = layout.vdso_parts();
    head.region_count = layout.regions().size();
    write_all(fd, std::as_bytes(std::span(&head, 1)));
    write_all(fd, std::as_bytes(std::span(layout.regions())));
    const off_t table_end = check(::lseek(fd, 0, SEEK_CUR), "writing the image", "lseek");
    check(
        ::lseek(fd, static_cast<off_t>(page_of(static_cast<std::uint64_t>(table_end) + kPage - 1)),
                SEEK_SET),
        "writing the image", "lseek");
    for (const Region& region : layout.regions())
        write_pages(fd, region);
}

}  // namespace vitrine::kernel
