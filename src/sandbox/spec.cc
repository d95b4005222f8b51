#include "sandbox/spec.h"

namespace vitrine::sandbox {

namespace {

void put(WireWriter& writer, const TreeSource& source) {
    writer.put(source.path);
    writer.put(source.is_directory);
    writer.put(source.fd_index);
    writer.put(source.destination);
    writer.put(source.is_writable);
}

TreeSource get_tree(WireReader& reader) {
    TreeSource source;
    source.path = reader.get_string();
    source.is_directory = reader.get<bool>();
    source.fd_index = reader.get<std::int32_t>();
    source.destination = reader.get_string();
    source.is_writable = reader.get<bool>();
    return source;
}

using Environment = std::vector<std::pair<std::string, std::string>>;

void put(WireWriter& writer, const Environment& environment) {
    writer.put(static_cast<std::uint64_t>(environment.size()));
    for (const auto& [name, value] : environment) {
        writer.put(name);
        writer.put(value);
    }
}

Environment get_environment(WireReader& reader) {
    Environment environment;
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count) {
        std::string name = reader.get_string();
        environment.emplace_back(std::move(name), reader.get_string());
    }
    return environment;
}

}  // namespace

std::vector<std::byte> encode(const SandboxSpec& spec) {
    WireWriter writer;
    writer.put(spec.uid);
    writer.put(spec.gid);
    writer.put(spec.hostname);
    writer.put(spec.tmpfs_bytes);
    writer.put(spec.tmpfs_inodes);
    writer.put(spec.keeps_artifacts);
    writer.put(spec.may_execute);
    writer.put(spec.has_terminal);
    put(writer, spec.rootfs);
    writer.put(static_cast<std::uint64_t>(spec.root_entries.size()));
    for (const auto& entry : spec.root_entries) {
        writer.put(entry.name);
        writer.put(entry.kind);
        writer.put(entry.target);
    }
    writer.put(static_cast<std::uint64_t>(spec.binds.size()));
    for (const TreeSource& bind : spec.binds)
        put(writer, bind);
    writer.put(static_cast<std::uint64_t>(spec.made_files.size()));
    for (const MadeFile& file : spec.made_files) {
        writer.put(file.path);
        writer.put(file.content);
    }
    writer.put(spec.required.landlock);
    writer.put(spec.required.no_groups);
    writer.put(spec.required.no_executable_memfds);
    writer.put(spec.interpreter);
    writer.put(spec.snapshot);
    writer.put(spec.snapshot_file);
    return writer.bytes();
}

SandboxSpec decode_sandbox_spec(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    SandboxSpec spec;
    spec.uid = reader.get<std::uint32_t>();
    spec.gid = reader.get<std::uint32_t>();
    spec.hostname = reader.get_string();
    spec.tmpfs_bytes = reader.get<std::uint64_t>();
    spec.tmpfs_inodes = reader.get<std::uint64_t>();
    spec.keeps_artifacts = reader.get<bool>();
    spec.may_execute = reader.get<bool>();
    spec.has_terminal = reader.get<bool>();
    spec.rootfs = get_tree(reader);
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count) {
        auto& entry = spec.root_entries.emplace_back();
        entry.name = reader.get_string();
        entry.kind = reader.get<SandboxSpec::RootEntry::Kind>();
        entry.target = reader.get_string();
    }
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count) {
        spec.binds.push_back(get_tree(reader));
    }
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count) {
        auto& file = spec.made_files.emplace_back();
        file.path = reader.get_string();
        file.content = reader.get_string();
    }
    spec.required.landlock = reader.get<bool>();
    spec.required.no_groups = reader.get<bool>();
    spec.required.no_executable_memfds = reader.get<bool>();
    spec.interpreter = reader.get_string();
    spec.snapshot = reader.get<SandboxSpec::Snapshot>();
    spec.snapshot_file = reader.get_string();
    return spec;
}

std::vector<std::byte> encode(const PayloadSpec& spec) {
    WireWriter writer;
    put(writer, spec.environment);
    writer.put(static_cast<std::uint64_t>(spec.rlimits.size()));
    for (const Ulimit& limit : spec.rlimits) {
        writer.put(limit.resource);
        writer.put(limit.soft);
        writer.put(limit.hard);
    }
    writer.put(spec.workdir);
    writer.put(static_cast<std::uint64_t>(spec.filters.size()));
    for (const auto& filter : spec.filters) {
        const auto code = std::as_bytes(std::span(filter));
        writer.put(std::string_view(reinterpret_cast<const char*>(code.data()), code.size()));
    }
    writer.put(spec.is_listened_to);
    writer.put(spec.is_held);
    writer.put(spec.program);
    return writer.bytes();
}

namespace {

std::vector<sock_filter> get_filter(WireReader& reader) {
    const std::string_view code = reader.get_view();
    if (code.empty() || code.size() % sizeof(sock_filter) != 0) {
        throw Error("the seccomp filter is cut short");
    }
    std::vector<sock_filter> filter(code.size() / sizeof(sock_filter));
    std::memcpy(filter.data(), code.data(), code.size());
    return filter;
}

}  // namespace

PayloadSpec decode_payload_spec(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    PayloadSpec spec;
    spec.environment = get_environment(reader);
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count) {
        auto& limit = spec.rlimits.emplace_back();
        limit.resource = reader.get<int>();
        limit.soft = reader.get<std::uint64_t>();
        limit.hard = reader.get<std::uint64_t>();
    }
    spec.workdir = reader.get_string();
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count)
        spec.filters.push_back(get_filter(reader));
    if (spec.filters.empty()) throw Error("the seccomp filter is missing");
    spec.is_listened_to = reader.get<bool>();
    spec.is_held = reader.get<bool>();
    spec.program = reader.get_string();
    return spec;
}

std::vector<std::byte> encode(const WarmProgram& program) {
    WireWriter writer;
    put(writer, program.environment);
    writer.put(program.program);
    writer.put(program.is_held);
    return writer.bytes();
}

WarmProgram decode_warm_program(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    WarmProgram program;
    program.environment = get_environment(reader);
    program.program = reader.get_string();
    program.is_held = reader.get<bool>();
    return program;
}

}  // namespace vitrine::sandbox
