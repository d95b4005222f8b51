// The members of what crosses between a program and its supervisor, one line a struct.
//
// A struct that has gained a member does not compile here until it is named, and the test of the
// encoding sees to it that whatever is named is tied.
#pragma once

#include <concepts>
#include <tuple>
#include <type_traits>

#include "library/messages.h"
#include "vitrine/job.h"
#include "vitrine/result.h"

namespace vitrine::library {

template <typename Type, typename Struct>
concept Is = std::same_as<std::remove_const_t<Type>, Struct>;

// ── a job ──

auto members(Is<Ulimit> auto& ulimit) {
    auto& [resource, soft, hard] = ulimit;
    return std::tie(resource, soft, hard);
}

auto members(Is<DeviceLimit> auto& device) {
    auto& [major, minor, kind, per_second] = device;
    return std::tie(major, minor, kind, per_second);
}

auto members(Is<Limits> auto& limits) {
    auto& [memory, swap, cpus, pids, timeout, cpu_time, max_output, overflow, keep, tmpfs_bytes,
           tmpfs_inodes, ulimits, devices] = limits;
    return std::tie(memory, swap, cpus, pids, timeout, cpu_time, max_output, overflow, keep,
                    tmpfs_bytes, tmpfs_inodes, ulimits, devices);
}

auto members(Is<Source> auto& source) {
    auto& [name, bytes] = source;
    return std::tie(name, bytes);
}

auto members(Is<Bind> auto& bind) {
    auto& [source, destination, is_writable] = bind;
    return std::tie(source, destination, is_writable);
}

auto members(Is<EntryPoint> auto& entry) {
    auto& [function, arguments] = entry;
    return std::tie(function, arguments);
}

auto members(Is<Job> auto& job) {
    auto& [id, source, arguments, command, has_terminal, uses_snapshot, entry, limits, environment,
           workdir, hostname, uid, gid, rootfs, binds, artifacts, profile, compat_arch,
           explains_denied, policy, stdin_path, stdin_text, required] = job;
    return std::tie(id, source, arguments, command, has_terminal, uses_snapshot, entry, limits,
                    environment, workdir, hostname, uid, gid, rootfs, binds, artifacts, profile,
                    compat_arch, explains_denied, policy, stdin_path, stdin_text, required);
}

// ── a result ──

auto members(Is<LimitHit> auto& hit) {
    auto& [name, value, observed] = hit;
    return std::tie(name, value, observed);
}

auto members(Is<Output> auto& output) {
    auto& [bytes, total, kept, truncated] = output;
    return std::tie(bytes, total, kept, truncated);
}

auto members(Is<ExceptionClaim> auto& claim) {
    auto& [type, message, file, line] = claim;
    return std::tie(type, message, file, line);
}

auto members(Is<Finding> auto& finding) {
    auto& [id, rule, message, hint, line, column, severity] = finding;
    return std::tie(id, rule, message, hint, line, column, severity);
}

auto members(Is<DeniedCall> auto& call) {
    auto& [name, number, architecture, error_number, count, arguments, rule, allowed_by] = call;
    return std::tie(name, number, architecture, error_number, count, arguments, rule, allowed_by);
}

auto members(Is<Usage> auto& usage) {
    auto& [wall, user, system, memory, source, pids, pids_hits, oom_kills, throttled] = usage;
    return std::tie(wall, user, system, memory, source, pids, pids_hits, oom_kills, throttled);
}

auto members(Is<Isolation> auto& isolation) {
    auto& [namespaces, profile, sha256, action, landlock, no_new_privs, uid, host_uid, capabilities,
           backend, degraded] = isolation;
    return std::tie(namespaces, profile, sha256, action, landlock, no_new_privs, uid, host_uid,
                    capabilities, backend, degraded);
}

auto members(Is<Timings> auto& timings) {
    auto& [prepare, fork, enter, seccomp, validate, held, run, teardown, total] = timings;
    return std::tie(prepare, fork, enter, seccomp, validate, held, run, teardown, total);
}

auto members(Is<SetupError> auto& error) {
    auto& [step, call, number, message, hint, line, cause] = error;
    return std::tie(step, call, number, message, hint, line, cause);
}

auto members(Is<Artifact> auto& artifact) {
    auto& [path, bytes, sha256] = artifact;
    return std::tie(path, bytes, sha256);
}

auto members(Is<RefusedArtifact> auto& artifact) {
    auto& [path, reason] = artifact;
    return std::tie(path, reason);
}

auto members(Is<Result> auto& result) {
    auto& [id, status, exit_code, signal, limit, out, err, value, notes, exception, findings,
           denied, usage, isolation, timings, artifacts, refused, python, warm, snapshot, error] =
        result;
    return std::tie(id, status, exit_code, signal, limit, out, err, value, notes, exception,
                    findings, denied, usage, isolation, timings, artifacts, refused, python, warm,
                    snapshot, error);
}

// ── messages ──

auto members(Is<Preload> auto& preload) {
    auto& [modules, script] = preload;
    return std::tie(modules, script);
}

auto members(Is<Start> auto& start) {
    auto& [workers, is_cold, preload, rootfs, profiles] = start;
    return std::tie(workers, is_cold, preload, rootfs, profiles);
}

auto members(Is<Ready> auto& ready) {
    auto& [pid] = ready;
    return std::tie(pid);
}

auto members(Is<NumberedJob> auto& numbered) {
    auto& [number, job] = numbered;
    return std::tie(number, job);
}

auto members(Is<NumberedResult> auto& numbered) {
    auto& [number, result] = numbered;
    return std::tie(number, result);
}

auto members(Is<Refusal> auto& refusal) {
    auto& [message, hint] = refusal;
    return std::tie(message, hint);
}

}  // namespace vitrine::library
