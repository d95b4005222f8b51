#include "python/claims.h"

#include "base/wire.h"

namespace vitrine::python {

namespace {

void write(WireWriter& writer, const std::vector<Finding>& findings) {
    writer.put(static_cast<std::uint64_t>(findings.size()));
    for (const Finding& finding : findings) {
        writer.put(finding.id);
        writer.put(finding.rule);
        writer.put(finding.message);
        writer.put(finding.hint);
        writer.put(finding.line);
        writer.put(finding.column);
        writer.put(finding.severity);
    }
}

std::vector<Finding> read_findings(WireReader& reader) {
    std::vector<Finding> findings;
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count) {
        Finding& finding = findings.emplace_back();
        finding.id = reader.get_string();
        finding.rule = reader.get_string();
        finding.message = reader.get_string();
        finding.hint = reader.get_string();
        finding.line = reader.get<std::uint32_t>();
        finding.column = reader.get<std::uint32_t>();
        finding.severity =
            reader.get<Severity>() == Severity::kError ? Severity::kError : Severity::kWarning;
    }
    return findings;
}

}  // namespace

std::vector<std::byte> encode(const std::vector<Finding>& findings) {
    WireWriter writer;
    write(writer, findings);
    return writer.bytes();
}

std::vector<Finding> decode_findings(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    return read_findings(reader);
}

std::vector<std::byte> encode(const CheckedSource& checked) {
    WireWriter writer;
    writer.put(checked.index);
    write(writer, checked.findings);
    return writer.bytes();
}

CheckedSource decode_checked(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    CheckedSource checked;
    checked.index = reader.get<std::uint64_t>();
    checked.findings = read_findings(reader);
    return checked;
}

std::vector<std::byte> encode(const Accepted& accepted) {
    WireWriter writer;
    writer.put(accepted.python_version);
    writer.put(accepted.started_ns);
    writer.put(accepted.accepted_ns);
    writer.put(accepted.is_held);
    return writer.bytes();
}

Accepted decode_accepted(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    Accepted accepted;
    accepted.python_version = reader.get_string();
    accepted.started_ns = reader.get<std::int64_t>();
    accepted.accepted_ns = reader.get<std::int64_t>();
    accepted.is_held = reader.get<bool>();
    return accepted;
}

std::vector<std::byte> encode(const ValueClaim& value) {
    WireWriter writer;
    writer.put(value.json);
    writer.put_all(value.notes);
    return writer.bytes();
}

ValueClaim decode_value(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    ValueClaim value;
    value.json = reader.get_string();
    value.notes = reader.get_strings();
    return value;
}

std::vector<std::byte> encode(const ExceptionClaim& exception) {
    WireWriter writer;
    writer.put(exception.type);
    writer.put(exception.message);
    writer.put(exception.file);
    writer.put(exception.line);
    return writer.bytes();
}

ExceptionClaim decode_exception(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    ExceptionClaim exception;
    exception.type = reader.get_string();
    exception.message = reader.get_string();
    exception.file = reader.get_string();
    exception.line = reader.get<std::uint32_t>();
    return exception;
}

}  // namespace vitrine::python
