#include "seccomp/stored.h"

#include <cstring>

#include "base/error.h"
#include "base/sha256.h"
#include "base/wire.h"
#include "seccomp/compile.h"

namespace vitrine::seccomp {

namespace {

/// Changes with this file's form, and with what the optimiser makes of a profile.
constexpr std::string_view kFormat = "vitrine-bpf-2";

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void put_conditions(WireWriter& writer, std::span<const ProfilePart> parts, KernelVersion kernel) {
    std::vector<KernelCondition> conditions;
    for (const ProfilePart& part : parts) {
        for (const KernelCondition& condition : kernel_conditions(parse_profile(part.json), kernel))
            conditions.push_back(condition);
    }
    writer.put(static_cast<std::uint64_t>(conditions.size()));
    for (const KernelCondition& condition : conditions) {
        writer.put(condition.version.major);
        writer.put(condition.version.minor);
        writer.put(condition.holds);
    }
}

/// Whether every condition that held, or did not, when the program was made is still the same.
bool are_unchanged(WireReader& reader, KernelVersion kernel) {
    bool all_unchanged = true;
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count) {
        KernelVersion version;
        version.major = reader.get<unsigned>();
        version.minor = reader.get<unsigned>();
        all_unchanged &= reader.get<bool>() == (kernel >= version);
    }
    return all_unchanged;
}

Program get_program(WireReader& reader) {
    const std::string_view bytes = reader.get_view();
    if (bytes.empty() || bytes.size() % sizeof(sock_filter) != 0) {
        throw Error("a stored filter is cut short");
    }
    Program program(bytes.size() / sizeof(sock_filter));
    std::memcpy(program.data(), bytes.data(), bytes.size());
    return program;
}

std::optional<Filter> decode(WireReader& reader, const FilterKey& key, KernelVersion kernel) {
    if (reader.get_view() != key.text() || !are_unchanged(reader, kernel)) return std::nullopt;
    Filter filter{.sha256 = key.sha256,
                  .action = reader.get_string(),
                  .skipped = reader.get_strings(),
                  .origin = Origin::kCache,
                  .warning = reader.get_string()};
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count)
        filter.programs.push_back(get_program(reader));
    if (filter.programs.empty() || !reader.at_end()) return std::nullopt;
    return filter;
}

}  // namespace

std::string FilterKey::text() const {
    return concat(kFormat, "\nlibseccomp ", libseccomp_version(), "\narchitecture ", arch->name,
                  sub_architectures == SubArchitectures::kOn ? " and below" : "",
                  "\ncapabilities none\nprofiles ", sha256, "\n");
}

std::string encode_filter(const Filter& filter, std::span<const ProfilePart> parts,
                          const HostFacts& host) {
    const FilterKey key{filter.sha256, host.arch, host.sub_architectures};
    WireWriter writer;
    writer.put(key.text());
    put_conditions(writer, parts, host.kernel);
    writer.put(filter.action);
    writer.put_all(filter.skipped);
    writer.put(filter.warning);
    writer.put(static_cast<std::uint64_t>(filter.programs.size()));
    for (const Program& program : filter.programs)
        writer.put(as_text(std::as_bytes(std::span(program))));
    // The hash of all of it, so that damage shows.
    WireWriter file;
    file.put(sha256_hex(writer.bytes()));
    file.put(writer.text());
    return file.text();
}

std::optional<Filter> decode_filter(std::string_view bytes, const FilterKey& key,
                                    KernelVersion kernel) {
    try {
        WireReader reader(std::as_bytes(std::span(bytes)));
        const std::string_view hash = reader.get_view();
        const std::string_view content = reader.get_view();
        if (!reader.at_end() || hash != sha256_hex(content)) return std::nullopt;
        WireReader inner(std::as_bytes(std::span(content)));
        return decode(inner, key, kernel);
    } catch (const Error&) {
        return std::nullopt;  // The profile itself is there to be compiled.
    }
}

}  // namespace vitrine::seccomp
