#include "base/error.h"
#include "base/wire.h"
#include "sandbox/nest.h"
#include "sandbox/report.h"

namespace vitrine::sandbox {

std::vector<std::byte> encode(const InitRequest& request) {
    WireWriter writer;
    writer.put(request.sandbox);
    writer.put(request.waits);
    writer.put(request.shares_networks);
    return writer.bytes();
}

InitRequest decode_init_request(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    InitRequest request;
    request.sandbox = reader.get<std::uint64_t>();
    request.waits = reader.get<bool>();
    request.shares_networks = reader.get<bool>();
    return request;
}

std::vector<std::byte> encode(const ZygoteRequest& request) {
    WireWriter writer;
    writer.put(request.birth);
    writer.put(request.sandbox);
    writer.put(request.is_awaited);
    return writer.bytes();
}

ZygoteRequest decode_zygote_request(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    ZygoteRequest request;
    request.birth = reader.get<Birth>();
    if (request.birth != Birth::kPayload && request.birth != Birth::kTwin) {
        throw Error("a zygote is asked for what it cannot bear");
    }
    request.sandbox = reader.get<std::uint64_t>();
    request.is_awaited = reader.get<bool>();
    return request;
}

std::vector<std::byte> encode(const NestMessage& message) {
    WireWriter writer;
    writer.put(message.kind);
    writer.put(message.sandbox);
    writer.put(message.pid);
    writer.put(message.forking_ns);
    writer.put(message.data_bytes);
    writer.put(message.memory_bytes);
    const auto failure = encode(message.failure);
    writer.put(std::string_view(reinterpret_cast<const char*>(failure.data()), failure.size()));
    return writer.bytes();
}

NestMessage decode_nest_message(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    NestMessage message;
    message.kind = reader.get<NestAnswer>();
    message.sandbox = reader.get<std::uint64_t>();
    message.pid = reader.get<std::int32_t>();
    message.forking_ns = reader.get<std::int64_t>();
    message.data_bytes = reader.get<std::uint64_t>();
    message.memory_bytes = reader.get<std::uint64_t>();
    const std::string_view failure = reader.get_view();
    message.failure = decode_failure(std::as_bytes(std::span(failure)));
    return message;
}

}  // namespace vitrine::sandbox
