#include "python/program.h"

#include "base/wire.h"

namespace vitrine::python {

namespace {

std::string encode(const Program& program, bool has_policy) {
    WireWriter writer;
    writer.put(program.source.name);
    writer.put(program.source.bytes);
    writer.put_all(program.arguments);
    writer.put(program.entry.has_value());
    if (program.entry) {
        writer.put(program.entry->function);
        writer.put(program.entry->arguments_json);
    }
    writer.put(has_policy);
    if (has_policy) write(writer, program.policy);
    writer.put(static_cast<std::uint64_t>(program.checks.size()));
    for (const Source& source : program.checks) {
        writer.put(source.name);
        writer.put(source.bytes);
    }
    return writer.text();
}

}  // namespace

std::string encode(const Program& program) {
    return encode(program, true);
}

std::string encode_without_policy(const Program& program) {
    return encode(program, false);
}

Program decode_program(std::string_view bytes) {
    WireReader reader(std::as_bytes(std::span(bytes)));
    Program program;
    program.source.name = reader.get_string();
    program.source.bytes = reader.get_string();
    program.arguments = reader.get_strings();
    if (reader.get<bool>()) {
        program.entry.emplace();
        program.entry->function = reader.get_string();
        program.entry->arguments_json = reader.get_string();
    }
    if (reader.get<bool>()) program.policy = read_policy(reader);
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count) {
        Source& source = program.checks.emplace_back();
        source.name = reader.get_string();
        source.bytes = reader.get_string();
    }
    return program;
}

}  // namespace vitrine::python
