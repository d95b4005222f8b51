#include "python/program.h"

#include "base/wire.h"

namespace vitrine::python {

std::string encode(const Program& program) {
    WireWriter writer;
    writer.put(program.source.name);
    writer.put(program.source.bytes);
    writer.put_all(program.arguments);
    writer.put(program.entry.has_value());
    if (program.entry) {
        writer.put(program.entry->function);
        writer.put(program.entry->arguments_json);
    }
    write(writer, program.policy);
    writer.put(static_cast<std::uint64_t>(program.checks.size()));
    for (const Source& source : program.checks) {
        writer.put(source.name);
        writer.put(source.bytes);
    }
    return writer.text();
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
    program.policy = read_policy(reader);
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count) {
        Source& source = program.checks.emplace_back();
        source.name = reader.get_string();
        source.bytes = reader.get_string();
    }
    return program;
}

}  // namespace vitrine::python
