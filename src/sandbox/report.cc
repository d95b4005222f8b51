#include "sandbox/report.h"

#include "base/clock.h"
#include "base/wire.h"

namespace vitrine::sandbox {

std::vector<std::byte> encode(const Failure& failure) {
    WireWriter writer;
    writer.put(failure.step);
    writer.put(failure.error_number);
    writer.put(failure.call);
    writer.put(failure.message);
    writer.put(failure.hint);
    return writer.bytes();
}

Failure decode_failure(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    Failure failure;
    failure.step = reader.get<Step>();
    if (failure.step > Step::kLast) throw Error("a failure names an unknown step");
    failure.error_number = reader.get<int>();
    failure.call = reader.get_string();
    failure.message = reader.get_string();
    failure.hint = reader.get_string();
    return failure;
}

std::vector<std::byte> encode(const Confined& confined) {
    WireWriter writer;
    writer.put(confined.born_ns);
    writer.put(confined.ready_ns);
    writer.put(confined.entered_ns);
    writer.put(confined.filtered_ns);
    writer.put(confined.has_no_groups);
    writer.put(confined.has_no_executable_memfds);
    writer.put(confined.landlock_abi);
    writer.put(confined.snapshot);
    return writer.bytes();
}

Confined decode_confined(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    Confined confined;
    confined.born_ns = reader.get<std::int64_t>();
    confined.ready_ns = reader.get<std::int64_t>();
    confined.entered_ns = reader.get<std::int64_t>();
    confined.filtered_ns = reader.get<std::int64_t>();
    confined.has_no_groups = reader.get<bool>();
    confined.has_no_executable_memfds = reader.get<bool>();
    confined.landlock_abi = reader.get<std::int32_t>();
    confined.snapshot = reader.get<kernel::Misfit>();
    if (confined.snapshot > kernel::Misfit::kLast) throw Error("a report is not understood");
    return confined;
}

std::vector<std::byte> encode(const Launched& launched) {
    WireWriter writer;
    writer.put(launched.forking_ns);
    writer.put(launched.payload_pid);
    return writer.bytes();
}

Launched decode_launched(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    Launched launched;
    launched.forking_ns = reader.get<std::int64_t>();
    launched.payload_pid = reader.get<std::int32_t>();
    return launched;
}

std::vector<std::byte> encode(const Listening& listening) {
    WireWriter writer;
    writer.put(listening.listener_fd);
    return writer.bytes();
}

Listening decode_listening(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    return {.listener_fd = reader.get<std::int32_t>()};
}

std::int64_t monotonic_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
        .count();
}

}  // namespace vitrine::sandbox
