// The public face: every function of include/vitrine/runtime.h.
#include "vitrine/runtime.h"

#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "base/cores.h"
#include "base/error.h"
#include "library/dispatcher.h"
#include "library/installation.h"
#include "runtime/result_json.h"

namespace vitrine {

namespace {

/// A program that is told of an error has no use for our classes.
[[noreturn]] void refuse(const std::string& message, const std::string& hint) {
    throw std::runtime_error(
        concat("vitrine: ", message, hint.empty() ? "" : concat("; hint: ", hint)));
}

void check_options(const RuntimeOptions& options) {
    const bool has_preload = !options.preload.modules.empty() || !options.preload.script.empty();
    if (options.is_cold && has_preload) {
        refuse("cold interpreters have loaded nothing", "leave out is_cold or preload");
    }
    for (const std::string& path : {options.rootfs, options.profiles, options.program}) {
        if (path.empty() || path.starts_with('/')) continue;
        refuse(concat("'", path, "' is not absolute"),
               "another process opens it: give the whole path");
    }
}

std::string find_program(const RuntimeOptions& options) {
    const std::string program = options.program.empty() ? library::find_program() : options.program;
    if (!program.empty() && ::access(program.c_str(), X_OK) == 0) return program;
    refuse(concat("the executable that supervises jobs is not ",
                  program.empty() ? "where the library was installed from" : program),
           "install it with the library, or name it in RuntimeOptions::program");
}

std::unique_ptr<library::Dispatcher> make_dispatcher(RuntimeOptions options) {
    check_options(options);
    std::string program = find_program(options);
    return std::make_unique<library::Dispatcher>(
        library::Start{.workers = options.workers == 0 ? usable_cores() : options.workers,
                       .is_cold = options.is_cold,
                       .preload = std::move(options.preload),
                       .rootfs = std::move(options.rootfs),
                       .profiles = std::move(options.profiles)},
        std::move(program));
}

void check_is_here(const library::Dispatcher& dispatcher) {
    if (!dispatcher.is_forked_away()) return;
    refuse("this Runtime was made before a fork, by the parent", "make another in the child");
}

void check_may_wait(const library::Dispatcher& dispatcher) {
    check_is_here(dispatcher);
    if (!dispatcher.is_own_thread()) return;
    refuse("a callback would wait for itself", "submit the job with a callback of its own");
}

}  // namespace

Runtime::Runtime(RuntimeOptions options) : dispatcher_(make_dispatcher(std::move(options))) {}

Runtime::~Runtime() {
    if (dispatcher_->is_forked_away()) {
        // Its thread is the parent's, and so is what it holds.
        [[maybe_unused]] const auto* const parents = dispatcher_.release();
    } else {
        // Callbacks may still use this object.
        dispatcher_->close();
    }
}

std::future<Result> Runtime::submit(Job job) {
    const auto promise = std::make_shared<std::promise<Result>>();
    std::future<Result> future = promise->get_future();
    submit(std::move(job), [promise](Result result) { promise->set_value(std::move(result)); });
    return future;
}

void Runtime::submit(Job job, Done done) {
    check_is_here(*dispatcher_);
    dispatcher_->submit(std::move(job), std::move(done));
}

Result Runtime::run(Job job) {
    check_may_wait(*dispatcher_);
    return submit(std::move(job)).get();
}

void Runtime::interrupt() {
    check_is_here(*dispatcher_);
    dispatcher_->interrupt();
}

void Runtime::wait() {
    check_may_wait(*dispatcher_);
    dispatcher_->wait();
}

Result run(Job job) {
    return Runtime({.workers = 1, .is_cold = true}).run(std::move(job));
}

std::string to_json(const Result& result) {
    return runtime::to_json(result);
}

const char* status_name(Status status) {
    return runtime::status_name(status);
}

}  // namespace vitrine
