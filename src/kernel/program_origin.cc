#include "kernel/program_origin.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

#include "kernel/process_image_head.h"

/// What the processor has, by leaves of cpuid; zeroes beyond the last that the C library knows. In
/// glibc since 2.33, in a header that C++ cannot read.
struct CpuidFeature {
    std::array<unsigned, 4> present;
    std::array<unsigned, 4> usable;
};
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" const CpuidFeature* __x86_get_cpuid_feature_leaf(unsigned leaf);

namespace vitrine::kernel {

namespace {

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
        // FNV-1a by words; the shift lets high bits count below.
        constexpr std::uint64_t kPrime = 0x100000001b3;
        value_ = (value_ ^ word) * kPrime;
        value_ ^= value_ >> 32;
    }

    std::uint64_t value_ = 0xcbf29ce484222325;
};

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

/// Up to the loader, which is the last of what a program starts with.
int add_object(dl_phdr_info* object, std::size_t /*size*/, void* data) {
    auto& program = *static_cast<ProgramHash*>(data);
    if (object->dlpi_addr == ::getauxval(AT_SYSINFO_EHDR)) return 0;
    const auto id = build_id_of(*object);
    program.is_whole = program.is_whole && !id.empty();
    program.hash.add(id);
    return object->dlpi_addr == ::getauxval(AT_BASE) ? 1 : 0;
}

std::uint64_t hash_of_program() {
    ProgramHash program;
    const bool has_loader = ::dl_iterate_phdr(&add_object, &program) == 1;
    return has_loader && program.is_whole ? program.hash.value() : 0;
}

std::uint64_t hash_of_processor() {
    constexpr unsigned kLeaves = 32;  // glibc 2.36 knows nine.
    Hash hash;
    for (unsigned leaf = 0; leaf < kLeaves; ++leaf)
        hash.add(std::as_bytes(std::span(::__x86_get_cpuid_feature_leaf(leaf)->usable)));
    return hash.value();
}

std::uint64_t hash_of_vdso() {
    const std::uint64_t vdso = ::getauxval(AT_SYSINFO_EHDR);
    if (vdso == 0) return 0;
    const auto& elf = *to_pointer<const ElfW(Ehdr)>(vdso);
    Hash hash;
    for (const ElfW(Phdr) & header :
         std::span(to_pointer<const ElfW(Phdr)>(vdso + elf.e_phoff), elf.e_phnum)) {
        if (header.p_type == PT_LOAD) hash.add(bytes_at(vdso + header.p_offset, header.p_filesz));
    }
    return hash.value();
}

}  // namespace

Origin own_origin() {
    return {.program = hash_of_program(), .processor = hash_of_processor(), .vdso = hash_of_vdso()};
}

}  // namespace vitrine::kernel
