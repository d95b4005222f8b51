#include "cli/rootfs_inside.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "runtime/host.h"
#include "runtime/job_defaults.h"
#include "runtime/output.h"
#include "runtime/run.h"

namespace vitrine::cli {

namespace {

constexpr auto kPatience = std::chrono::minutes(20);
constexpr std::size_t kMostOfStderr = 2000;
constexpr const char* kWithout = "--no-bytecode makes a rootfs whose jobs compile what they import";

Job job_of(const rootfs::InsideProgram& program) {
    Job job;
    job.source = {"<bytecode>", program.source};
    job.rootfs = program.rootfs;
    job.policy = "off";
    job.stdin_text = program.input;
    job.artifacts = program.results;
    job.limits.cpus = static_cast<double>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
    job.limits.tmpfs_bytes = program.room;
    job.limits.memory_bytes += program.room;
    job.limits.timeout = kPatience;
    runtime::complete_job(job, program.rootfs);
    return job;
}

/// What the program said last. It is a stranger's: nothing of it reaches a terminal as it is.
std::string last_words(const Result& result) {
    std::string text = result.err.bytes;
    while (text.ends_with('\n'))
        text.pop_back();
    if (text.size() > kMostOfStderr) text.erase(0, text.size() - kMostOfStderr);
    return runtime::TerminalFilter().filter(text);
}

/// Where it ended by itself, it may have said why.
std::string reason_for(const Result& result) {
    const bool has_exited = !result.error && !result.limit && !result.signal;
    return concat(runtime::describe_end(result), has_exited ? ": " + last_words(result) : "");
}

}  // namespace

void run_inside(const rootfs::InsideProgram& program) {
    const Result result =
        runtime::run(job_of(program), {.profiles = runtime::installed_files().profiles}).result;
    if (result.status == Status::kExited && result.exit_code == 0 &&
        result.artifacts_refused.empty()) {
        return;
    }
    if (result.artifacts_refused.empty()) {
        throw Error(concat("its Python in a sandbox: ", reason_for(result)),
                    result.error ? concat("'vitrine doctor' says whether this host can run "
                                          "programs; ",
                                          kWithout)
                                 : kWithout);
    }
    throw Error(concat("its Python in a sandbox: what it left was refused: ",
                       result.artifacts_refused.front().reason),
                kWithout);
}

}  // namespace vitrine::cli
