// Theory of operation.
//
// An image is made by a process whose addresses the kernel was asked not to choose at random, and
// to give from the lower end of the address space on (ADDR_COMPAT_LAYOUT): its program, heap and
// libraries lie where no ordinary process has anything, whose addresses are random. So both fit
// into one address space. Going on from it, the process
//
//   1. maps every region of the image at its place, and gives up where one is taken;
//   2. tells the kernel where the heap ends (brk), and where the vdso is, by moving it;
//   3. points the thread register, and the three addresses that the kernel has of a thread, at the
//      image's: from here on the C library is the image's;
//   4. calls what the image says.
//
// Of the maker's stack one page or two are kept, in which the kernel had put arguments, environment
// and auxiliary vector: the C library points into them. The rest is not needed: it goes on with a
// function that nobody returns from.

#include "kernel/process_image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"

#if defined(__x86_64__) && defined(__GLIBC__)

#include <asm/prctl.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <linux/prctl.h>
#include <linux/rseq.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <sstream>
#include <string>
#include <vector>

// Of the C library, promised (GLIBC_2.2.5 and GLIBC_2.33) but in no header, or in none that C++
// takes. NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
/// What it has found the processor to have, by leaves of cpuid; zeroes beyond the last that it
/// knows.
struct CpuidFeature {
    std::array<unsigned, 4> present;
    std::array<unsigned, 4> usable;
};
extern "C" const CpuidFeature* __x86_get_cpuid_feature_leaf(unsigned leaf);
/// Where the kernel has put a program's arguments.
extern "C" void* __libc_stack_end;
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

namespace vitrine::kernel {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr int kImageLayout = ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT;
constexpr std::array<char, 8> kMagic{'v', 'i', 't', 'r', 'i', 'm', 'g', '1'};
constexpr std::size_t kMaxRegions = 100;
constexpr std::size_t kMaxLabel = 2048;
constexpr std::size_t kMaxVdsoParts = 4;
constexpr std::size_t kSignals = 64;
/// Two fields of struct rseq, by words: cpu_id_start and cpu_id.
constexpr std::size_t kRseqStart = 0;
constexpr std::size_t kRseqCpu = 1;
/// Where GCC expects the stack protector's canary, from the thread register on (tcbhead_t).
constexpr std::uint64_t kCanary = 0x28;
/// A region's content is nowhere: it is all zeroes.
constexpr std::uint64_t kNowhere = ~std::uint64_t{0};

struct Region {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t offset = kNowhere;  ///< In the file.
    std::int64_t protection = 0;
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

/// What an image was made by and on, each as a hash. Not against forgery: against change.
struct Origin {
    std::uint64_t program = 0;
    std::uint64_t processor = 0;
    std::uint64_t vdso = 0;
};

/// The kernel's view of a thread's memory.
struct ThreadArea {
    std::uint64_t pointer = 0;  ///< The register fs.
    std::uint64_t id = 0;       ///< Where the thread's id is.
    std::uint64_t robust_list = 0;
    std::uint64_t robust_list_size = 0;
    std::uint64_t rseq = 0;  ///< 0: not registered.
    std::uint64_t rseq_size = 0;
};

/// The first pages of an image.
struct Head {
    std::array<char, 8> magic = kMagic;
    Origin origin;
    GoOn go_on = nullptr;
    void* state = nullptr;
    ThreadArea thread;
    prctl_mm_map memory{};
    std::uint64_t vdso = 0;
    std::array<VdsoPart, kMaxVdsoParts> vdso_parts{};
    std::uint64_t stack_end = 0;  ///< Where __libc_stack_end is.
    std::array<SignalAction, kSignals> actions{};
    std::uint64_t region_count = 0;
    std::array<Region, kMaxRegions> regions{};
    std::uint64_t label_size = 0;
    std::array<char, kMaxLabel> label{};
};
constexpr std::uint64_t kHeadBytes = (sizeof(Head) + kPage - 1) & ~(kPage - 1);

std::uint64_t page_of(std::uint64_t address) {
    return address & ~(kPage - 1);
}

std::uint64_t to_address(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

char* to_pointer(std::uint64_t address) {
    return reinterpret_cast<char*>(address);  // NOLINT(performance-no-int-to-ptr): of mappings.
}

template <typename Type>
Type* pointer_to(std::uint64_t address) {
    return reinterpret_cast<Type*>(to_pointer(address));
}

// ── what it was made by ──

class Hash {
  public:
    void add(std::span<const std::byte> bytes) {
        for (; bytes.size() >= sizeof(std::uint64_t); bytes = bytes.subspan(sizeof(std::uint64_t)))
            add_word(bytes.first(sizeof(std::uint64_t)));
        add_word(bytes);
    }
    std::uint64_t value() const { return value_; }

  private:
    void add_word(std::span<const std::byte> bytes) {
        std::uint64_t word = bytes.size();
        if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
        // Of FNV-1a, a word at a time; the shift lets high bits count below.
        constexpr std::uint64_t kPrime = 0x100000001b3;
        value_ = (value_ ^ word) * kPrime;
        value_ ^= value_ >> 32;
    }

    std::uint64_t value_ = 0xcbf29ce484222325;
};

std::span<const std::byte> bytes_at(std::uint64_t address, std::size_t size) {
    return std::as_bytes(std::span(to_pointer(address), size));
}

/// The build id of a loaded object; empty where it has none.
std::span<const std::byte> build_id_of(const dl_phdr_info& object) {
    constexpr std::size_t kAlign = 4;
    const auto padded = [](std::size_t size) { return (size + kAlign - 1) & ~(kAlign - 1); };
    for (const ElfW(Phdr) & header : std::span(object.dlpi_phdr, object.dlpi_phnum)) {
        if (header.p_type != PT_NOTE) continue;
        auto notes = bytes_at(object.dlpi_addr + header.p_vaddr, header.p_memsz);
        while (notes.size() > sizeof(ElfW(Nhdr))) {
            ElfW(Nhdr) note{};
            std::memcpy(&note, notes.data(), sizeof note);
            const std::size_t before = sizeof note + padded(note.n_namesz);
            if (before + padded(note.n_descsz) > notes.size()) break;
            if (note.n_type == NT_GNU_BUILD_ID) return notes.subspan(before, note.n_descsz);
            notes = notes.subspan(before + padded(note.n_descsz));
        }
    }
    return {};
}

struct ProgramHash {
    Hash hash;
    bool is_whole = true;
};

/// The program and the libraries it starts with, which the loader is the last of: what is loaded
/// later the label has to tell.
int add_object(dl_phdr_info* object, std::size_t /*size*/, void* data) {
    auto& program = *static_cast<ProgramHash*>(data);
    if (object->dlpi_addr == ::getauxval(AT_SYSINFO_EHDR)) return 0;
    const auto id = build_id_of(*object);
    program.is_whole = program.is_whole && !id.empty();
    program.hash.add(id);
    return object->dlpi_addr == ::getauxval(AT_BASE) ? 1 : 0;
}

/// 0 where it cannot be told.
std::uint64_t hash_of_program() {
    ProgramHash program;
    const bool has_loader = ::dl_iterate_phdr(&add_object, &program) == 1;
    return has_loader && program.is_whole ? program.hash.value() : 0;
}

std::uint64_t hash_of_processor() {
    constexpr unsigned kLeaves = 32;  // It knows nine (2.36).
    Hash hash;
    for (unsigned leaf = 0; leaf < kLeaves; ++leaf)
        hash.add(std::as_bytes(std::span(::__x86_get_cpuid_feature_leaf(leaf)->usable)));
    return hash.value();
}

/// 0 where there is none.
std::uint64_t hash_of_vdso() {
    const std::uint64_t vdso = ::getauxval(AT_SYSINFO_EHDR);
    if (vdso == 0) return 0;
    const auto& elf = *reinterpret_cast<const ElfW(Ehdr)*>(to_pointer(vdso));
    const auto* headers = reinterpret_cast<const ElfW(Phdr)*>(to_pointer(vdso + elf.e_phoff));
    Hash hash;
    for (const ElfW(Phdr) & header : std::span(headers, elf.e_phnum)) {
        if (header.p_type == PT_LOAD) hash.add(bytes_at(vdso + header.p_offset, header.p_filesz));
    }
    return hash.value();
}

Origin own_origin() {
    return {.program = hash_of_program(), .processor = hash_of_processor(), .vdso = hash_of_vdso()};
}

Misfit compare(const Origin& image, const Origin& own) {
    if (own.program == 0 || image.program != own.program) return Misfit::kProgram;
    if (image.processor != own.processor) return Misfit::kProcessor;
    if (image.vdso != own.vdso) return Misfit::kKernel;
    return Misfit::kNone;
}

// ── making one ──

/// One line of /proc/self/maps.
struct Mapping {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string permissions;
    std::string name;
};

std::vector<Mapping> parse_maps(const std::string& text) {
    std::vector<Mapping> mappings;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        Mapping mapping;
        char dash = 0;
        std::string skipped;
        words >> std::hex >> mapping.begin >> dash >> mapping.end >> mapping.permissions;
        for (int i = 0; i < 3; ++i)
            words >> skipped;
        words >> mapping.name;
        if (!words && mapping.end == 0) throw Error("this process's mappings cannot be read");
        mappings.push_back(std::move(mapping));
    }
    return mappings;
}

bool is_kernels(const Mapping& mapping) {
    return mapping.name.starts_with("[v");  // [vvar], [vvar_vclock], [vdso], [vsyscall]
}

int protection_of(const Mapping& mapping) {
    return (mapping.permissions[0] == 'r' ? PROT_READ : 0) |
           (mapping.permissions[1] == 'w' ? PROT_WRITE : 0) |
           (mapping.permissions[2] == 'x' ? PROT_EXEC : 0);
}

bool is_zero(std::uint64_t page) {
    const auto bytes = bytes_at(page, kPage);
    return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

/// The end of the pages from `begin` on that are all zero, or all not.
std::uint64_t end_of_run(std::uint64_t begin, std::uint64_t end, bool zero) {
    while (begin < end && is_zero(begin) == zero)
        begin += kPage;
    return begin;
}

/// A hole in the file is worth a mapping of its own from so many pages on.
constexpr std::uint64_t kShortestHole = 16 * kPage;

class HeadMaker {
  public:
    void add(const Mapping& mapping) {
        if (is_kernels(mapping)) return add_kernels(mapping);
        if (mapping.permissions[3] == 's' && mapping.permissions[1] == 'w') {
            throw Error("memory that is shared with others cannot be kept");
        }
        const int protection = protection_of(mapping);
        if ((protection & PROT_READ) == 0) return;  // The loader's gaps between segments.
        std::uint64_t begin = mapping.begin;
        if (mapping.name == "[stack]") begin = page_of(to_address(::__libc_stack_end));
        add_range(begin, mapping.end, protection);
    }

    Head head;

  private:
    void add_kernels(const Mapping& mapping) {
        if (mapping.name == "[vsyscall]") return;  // Everywhere at the same place.
        if (vdso_parts_ == kMaxVdsoParts) throw Error("the vdso has too many parts");
        head.vdso_parts.at(vdso_parts_++) = {.offset = static_cast<std::int64_t>(mapping.begin) -
                                                       static_cast<std::int64_t>(head.vdso),
                                             .size = mapping.end - mapping.begin};
    }

    void add_range(std::uint64_t begin, std::uint64_t end, int protection) {
        std::uint64_t from = begin;
        for (std::uint64_t at = begin; at < end;) {
            const std::uint64_t hole = end_of_run(at, end, false);
            const std::uint64_t hole_end = end_of_run(hole, end, true);
            if (hole_end - hole >= kShortestHole || (hole_end == end && hole < hole_end)) {
                add_region(from, hole, next_offset_, protection);
                add_region(hole, hole_end, kNowhere, protection);
                from = hole_end;
            }
            at = hole_end;
        }
        add_region(from, end, next_offset_, protection);
    }

    void add_region(std::uint64_t begin, std::uint64_t end, std::uint64_t offset, int protection) {
        if (begin == end) return;
        if (head.region_count == kMaxRegions) throw Error("the process has too many mappings");
        head.regions.at(head.region_count++) = {
            .begin = begin, .end = end, .offset = offset, .protection = protection};
        if (offset != kNowhere) next_offset_ += end - begin;
    }

    std::uint64_t next_offset_ = kHeadBytes;
    std::size_t vdso_parts_ = 0;
};

ThreadArea own_thread_area() {
    ThreadArea area;
    check(::syscall(SYS_arch_prctl, ARCH_GET_FS, &area.pointer), "finding the thread's area",
          "arch_prctl");
    check(::prctl(PR_GET_TID_ADDRESS, &area.id, 0, 0, 0), "finding the thread's id",
          "prctl(PR_GET_TID_ADDRESS)");
    check(::syscall(SYS_get_robust_list, 0, &area.robust_list, &area.robust_list_size),
          "finding the thread's robust futexes", "get_robust_list");
    // Registered with what the first kernels know, whatever of it is used (rseq(2)).
    constexpr std::uint64_t kOriginalSize = 32;
    if (::__rseq_size != 0) {
        area.rseq = area.pointer + static_cast<std::uint64_t>(::__rseq_offset);
        area.rseq_size = std::max<std::uint64_t>(::__rseq_size, kOriginalSize);
    }
    return area;
}

/// Where the kernel has the program, by /proc/self/stat: see proc_pid_stat(5) for the numbers.
prctl_mm_map own_memory_map() {
    const std::string stat = read_file("/proc/self/stat", kPage);
    // The name is in parentheses, and may hold anything.
    std::istringstream words(stat.substr(stat.rfind(')') + 1));
    constexpr std::size_t kFirst = 3;
    constexpr std::size_t kLast = 51;
    std::array<std::uint64_t, kLast + 1> fields{};
    std::string state;
    words >> state;
    for (std::size_t i = kFirst + 1; i <= kLast; ++i) {
        std::string word;
        words >> word;
        fields.at(i) = std::stoull(word);
    }
    prctl_mm_map map{};
    map.start_code = fields[26];
    map.end_code = fields[27];
    map.start_data = fields[45];
    map.end_data = fields[46];
    map.start_brk = fields[47];
    map.brk = to_address(::sbrk(0));
    return map;
}

std::array<SignalAction, kSignals> own_signal_actions() {
    std::array<SignalAction, kSignals> actions{};
    for (std::size_t i = 0; i < kSignals; ++i) {
        (void)::syscall(SYS_rt_sigaction, i + 1, nullptr, &actions.at(i), sizeof(std::uint64_t));
    }
    return actions;
}

Head make_head() {
    HeadMaker maker;
    maker.head.vdso = ::getauxval(AT_SYSINFO_EHDR);
    // Reading and keeping what there is may make more of it.
    std::string maps = read_file("/proc/self/maps", std::size_t{1} << 20);
    for (int tries = 0; tries < 4; ++tries) {
        HeadMaker again = HeadMaker();
        again.head.vdso = maker.head.vdso;
        for (const Mapping& mapping : parse_maps(maps))
            again.add(mapping);
        std::string now = read_file("/proc/self/maps", std::size_t{1} << 20);
        if (now == maps) return again.head;
        maps = std::move(now);
    }
    throw Error("the process's memory does not hold still");
}

void write_pages(int fd, const Region& region) {
    if (region.offset == kNowhere) return;
    write_all(fd, bytes_at(region.begin, region.end - region.begin));
}

// ── going on from one ──

/// Regions that were mapped, until they are all.
class Placed {
  public:
    explicit Placed(std::span<const Region> regions) : regions_(regions) {}
    ~Placed() {
        for (const Region& region : regions_.first(count_))
            (void)::munmap(to_pointer(region.begin), region.end - region.begin);
    }
    Placed(const Placed&) = delete;
    Placed& operator=(const Placed&) = delete;

    /// False where something is in the way.
    bool place_all(int fd) {
        for (; count_ < regions_.size(); ++count_) {
            if (!place(fd, regions_[count_])) return false;
        }
        return true;
    }
    void keep() { count_ = 0; }

  private:
    static bool place(int fd, const Region& region) {
        const bool is_zero = region.offset == kNowhere;
        void* const wanted = to_pointer(region.begin);
        void* const got =
            ::mmap(wanted, region.end - region.begin, static_cast<int>(region.protection),
                   MAP_PRIVATE | MAP_FIXED_NOREPLACE | (is_zero ? MAP_ANONYMOUS : 0),
                   is_zero ? -1 : fd, is_zero ? 0 : static_cast<off_t>(region.offset));
        if (got == wanted) return true;
        // Linux before 4.17 takes the address for a suggestion.
        if (got != MAP_FAILED) (void)::munmap(got, region.end - region.begin);
        return false;
    }

    std::span<const Region> regions_;
    std::size_t count_ = 0;
};

/// Where the image's vdso was, nothing may be but that of this process.
Region vdso_place(const Head& head) {
    Region place{.begin = head.vdso, .end = head.vdso, .protection = PROT_NONE};
    for (const VdsoPart& part : head.vdso_parts) {
        if (part.size == 0) continue;
        const std::uint64_t begin = head.vdso + static_cast<std::uint64_t>(part.offset);
        place.begin = std::min(place.begin, begin);
        place.end = std::max(place.end, begin + part.size);
    }
    return place;
}

Misfit read_head(int fd, Head& head) {
    const ssize_t got = ::pread(fd, &head, sizeof head, 0);
    if (got != static_cast<ssize_t>(sizeof head) || head.magic != kMagic) return Misfit::kDamaged;
    if (head.region_count > kMaxRegions || head.label_size > kMaxLabel) return Misfit::kDamaged;
    std::uint64_t end = 0;
    for (const Region& region : std::span(head.regions).first(head.region_count)) {
        if (region.offset != kNowhere) {
            end = std::max(end, region.offset + (region.end - region.begin));
        }
    }
    return ::lseek(fd, 0, SEEK_END) < static_cast<off_t>(end) ? Misfit::kDamaged : Misfit::kNone;
}

/// The heap goes on where the image's ends; of what the kernel shows of a process, its arguments
/// are still its own. False where the kernel cannot be told (CONFIG_CHECKPOINT_RESTORE).
bool take_memory_map(const Head& head) {
    prctl_mm_map map = head.memory;
    map.start_stack = to_address(::__libc_stack_end);
    map.arg_start = to_address(::program_invocation_name);
    map.arg_end = map.arg_start + std::strlen(::program_invocation_name) + 1;
    map.env_start = map.arg_end;
    map.env_end = map.arg_end;
    map.exe_fd = ~0U;
    return ::prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) == 0;
}

/// Nothing is written to the thread's area any more that is about to be left.
bool leave_thread_area(const ThreadArea& own) {
    return own.rseq == 0 ||
           ::syscall(SYS_rseq, own.rseq, own.rseq_size, RSEQ_FLAG_UNREGISTER, RSEQ_SIG) == 0;
}

/// Without the C library, whose data is at the thread register.
[[gnu::always_inline]] inline std::uint64_t raw_call(std::uint64_t number, std::uint64_t a = 0,
                                                     std::uint64_t b = 0, std::uint64_t c = 0,
                                                     std::uint64_t d = 0, std::uint64_t e = 0) {
    register std::uint64_t r10 __asm__("r10") = d;
    register std::uint64_t r8 __asm__("r8") = e;
    std::uint64_t result = 0;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

struct Crossing {
    const Head& head;
    std::uint64_t own_vdso;
    std::uint64_t canary;  ///< Of this process: the image's is everybody's.
    std::uint64_t* canary_at;
    std::int32_t* id_at;
    volatile std::int32_t* rseq_at;
    void* argument;
    const FormerMemory& former;
};

/// From one C library to the other. Between the two there is none.
[[noreturn, gnu::no_stack_protector, gnu::noinline]] void cross(const Crossing& crossing) {
    const Head& head = crossing.head;
    const ThreadArea& thread = head.thread;
    std::uint64_t failed = 0;
    for (std::size_t i = 0; i < kMaxVdsoParts; ++i) {
        const VdsoPart* part = head.vdso_parts.data() + i;
        if (part->size == 0 || crossing.own_vdso == head.vdso) continue;
        const std::uint64_t offset = static_cast<std::uint64_t>(part->offset);
        failed |= raw_call(SYS_mremap, crossing.own_vdso + offset, part->size, part->size,
                           MREMAP_MAYMOVE | MREMAP_FIXED, head.vdso + offset) != head.vdso + offset
                      ? 1U
                      : 0U;
    }
    failed |= raw_call(SYS_arch_prctl, ARCH_SET_FS, thread.pointer);
    *crossing.canary_at = crossing.canary;
    *crossing.id_at = static_cast<std::int32_t>(raw_call(SYS_set_tid_address, thread.id));
    if (thread.robust_list != 0) {
        (void)raw_call(SYS_set_robust_list, thread.robust_list, thread.robust_list_size);
    }
    if (thread.rseq != 0) {
        crossing.rseq_at[kRseqStart] = 0;
        crossing.rseq_at[kRseqCpu] = RSEQ_CPU_ID_UNINITIALIZED;
        // If it cannot be had, the C library asks the kernel each time.
        if (raw_call(SYS_rseq, thread.rseq, thread.rseq_size, 0, RSEQ_SIG) != 0)
            crossing.rseq_at[kRseqCpu] = RSEQ_CPU_ID_REGISTRATION_FAILED;
    }
    for (std::size_t i = 0; i < kSignals; ++i) {
        const SignalAction* action = head.actions.data() + i;
        if (action->handler == 0) continue;
        failed |= raw_call(SYS_rt_sigaction, i + 1, reinterpret_cast<std::uint64_t>(action), 0,
                           sizeof(std::uint64_t));
    }
    if (failed != 0) {
        constexpr std::uint64_t kExit = 125;
        (void)raw_call(SYS_exit_group, kExit);
    }
    head.go_on(head.state, crossing.argument, crossing.former);
    __builtin_unreachable();
}

std::uint64_t own_canary() {
    std::uint64_t canary = 0;
    __asm__ volatile("mov %%fs:0x28, %0" : "=r"(canary));
    return canary;
}

FormerMemory what_to_keep(const Head& head) {
    FormerMemory former;
    for (const Region& region : std::span(head.regions).first(head.region_count))
        former.keep({region.begin, region.end});
    const Region vdso = vdso_place(head);
    former.keep({vdso.begin, vdso.end});
    // The stack we are on, with what it may yet grow by.
    constexpr std::uint64_t kBelow = std::uint64_t{1} << 20;
    const char here = 0;
    former.keep({page_of(to_address(&here)) - kBelow, to_address(::__libc_stack_end) + kBelow});
    return former;
}

/// In the image's C library, where it says what the kernel does.
void take_stack(std::uint64_t stack_end_at, std::uint64_t stack_end) {
    char* const page = to_pointer(page_of(stack_end_at));
    (void)::mprotect(page, kPage, PROT_READ | PROT_WRITE);
    std::memcpy(to_pointer(stack_end_at), &stack_end, sizeof stack_end);
    (void)::mprotect(page, kPage, PROT_READ);
}

}  // namespace

void FormerMemory::keep(Range range) {
    if (count_ == kMaxRanges) throw Error("there is too much to keep");
    const auto end = std::next(kept_.begin(), static_cast<std::ptrdiff_t>(count_++));
    const auto at = std::upper_bound(kept_.begin(), end, range, [](const Range& a, const Range& b) {
        return a.begin < b.begin;
    });
    std::move_backward(at, end, std::next(end));
    *at = range;
}

void FormerMemory::forget() const {
    std::uint64_t from = 16 * kPage;  // vm.mmap_min_addr
    for (const Range& kept : std::span(kept_).first(count_)) {
        if (kept.begin > from) (void)::munmap(to_pointer(from), kept.begin - from);
        from = std::max(from, kept.end);
    }
}

void ask_for_image_layout() {
    check(::personality(kImageLayout), "asking for a fixed layout", "personality");
}

void write_process_image(int fd, GoOn go_on, void* state, std::string_view label) {
    constexpr unsigned long kWhichIsIt = 0xffffffff;
    if ((::personality(kWhichIsIt) & kImageLayout) != kImageLayout) {
        throw Error("this process has not the layout of one whose memory can be kept");
    }
    if (label.size() > kMaxLabel) throw Error("the image's label is too long");
    Head head = make_head();
    head.origin = own_origin();
    if (head.origin.program == 0) throw Error("this program has no build id");
    head.go_on = go_on;
    head.state = state;
    head.thread = own_thread_area();
    head.memory = own_memory_map();
    head.stack_end = to_address(static_cast<const void*>(&::__libc_stack_end));
    head.actions = own_signal_actions();
    head.label_size = label.size();
    std::ranges::copy(label, head.label.begin());
    write_all(fd, std::as_bytes(std::span(&head, 1)));
    check(::lseek(fd, kHeadBytes, SEEK_SET), "writing the image", "lseek");
    for (const Region& region : std::span(head.regions).first(head.region_count))
        write_pages(fd, region);
}

Misfit go_on_from(int fd, std::string_view label, void* argument) {
    Head head;
    if (const Misfit misfit = read_head(fd, head); misfit != Misfit::kNone) return misfit;
    if (const Misfit misfit = compare(head.origin, own_origin()); misfit != Misfit::kNone)
        return misfit;
    if (std::string_view(head.label.data(), head.label_size) != label) return Misfit::kLabel;
    const std::uint64_t own_vdso = ::getauxval(AT_SYSINFO_EHDR);
    if (own_vdso == 0) return Misfit::kKernel;
    const FormerMemory former = what_to_keep(head);
    Placed placed(std::span(head.regions).first(head.region_count));
    if (!placed.place_all(fd)) return Misfit::kPlace;
    const Region vdso = vdso_place(head);
    Placed room(std::span(&vdso, 1));
    if (own_vdso != head.vdso && !room.place_all(-1)) return Misfit::kPlace;
    if (!leave_thread_area(own_thread_area()) || !take_memory_map(head)) return Misfit::kKernel;
    take_stack(head.stack_end, to_address(::__libc_stack_end));
    cross({.head = head,
           .own_vdso = own_vdso,
           .canary = own_canary(),
           .canary_at = pointer_to<std::uint64_t>(head.thread.pointer + kCanary),
           .id_at = pointer_to<std::int32_t>(head.thread.id),
           .rseq_at = pointer_to<std::int32_t>(head.thread.rseq),
           .argument = argument,
           .former = former});
}

}  // namespace vitrine::kernel

#else

namespace vitrine::kernel {
void ask_for_image_layout() {
    throw Error("an interpreter that has started can be kept on x86-64 with glibc only");
}
void write_process_image(int, GoOn, void*, std::string_view) {
    ask_for_image_layout();
}
Misfit go_on_from(int, std::string_view, void*) {
    return Misfit::kKernel;
}
void FormerMemory::keep(Range) {}
void FormerMemory::forget() const {}
}  // namespace vitrine::kernel

#endif
