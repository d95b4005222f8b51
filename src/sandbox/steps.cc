#include "sandbox/steps.h"

#include <array>

namespace vitrine::sandbox {

namespace {

constexpr auto kNames = std::to_array<const char*>({
    "receive-spec",
    "start-zygote",
    "take-identity",
    "exec-guest",
    "die-with-supervisor",
    "build-root",
    "start-init",
    "enter-rootfs",
    "await-base",
    "start-interpreter",
    "warm-up",
    "await-init",
    "await-supervisor",
    "fork-payload",
    "map-ids",
    "namespaces",
    "hostname",
    "network",
    "mount-root",
    "pivot-root",
    "drop-init-privileges",
    "join-namespaces",
    "descriptors",
    "session",
    "environment",
    "rlimits",
    "workdir",
    "drop-privileges",
    "no-new-privs",
    "landlock",
    "required-layers",
    "seccomp",
    "start-program",
    "attach-tracer",
    "terminal",
    "start-command",
    "keep-snapshot",
});
static_assert(kNames.size() == static_cast<std::size_t>(Step::kLast) + 1);

}  // namespace

const char* step_name(Step step) {
    return kNames.at(static_cast<std::size_t>(step));
}

Failure failure_of_current_exception(Step step) {
    Failure failure{.step = step};
    try {
        throw;
    } catch (const StepError& error) {
        return error.failure();
    } catch (const SystemError& error) {
        failure.error_number = error.error_number();
        failure.call = error.call();
        failure.message = error.what();
        failure.hint = error.hint();
    } catch (const Error& error) {
        failure.message = error.what();
        failure.hint = error.hint();
    } catch (const std::exception& error) {
        failure.message = error.what();
    }
    return failure;
}

}  // namespace vitrine::sandbox
