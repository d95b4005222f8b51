#include "runtime/warm_run.h"

#include "base/error.h"

namespace vitrine::runtime {

namespace {

std::string text_of(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

WarmRun::WarmRun(const RunContext& context, WarmHouse& house, const Job& job,
                 const RunOptions& options, std::function<void()> on_done)
    : context_(context), house_(house), job_(job), on_done_(std::move(on_done)), reporting_(job) {
    reporting_.set_warm();
    holder_ = make_holder(
        context_, options,
        {.on_open =
             [this] {
                 sandbox_->watch().release();
                 sandbox_->open_gate();
             },
         .on_failed =
             [this](sandbox::Failure failure) { sandbox_->watch().fail(std::move(failure)); },
         .on_done =
             [this] {
                 if (sandbox_->watch().is_gone()) take_result();
             }});
}

WarmRun::~WarmRun() {
    // Its init may still be dying.
    if (sandbox_) house_.bury(std::move(sandbox_));
}

void WarmRun::start() {
    try {
        stdin_ = plan_step("stdin", [&] { return open_stdin(job_); });
        context_.limits.describe(reporting_);
        sandbox::WarmProgram program = plan_warm_program(job_);
        program.is_held = holder_ != nullptr;
        program_ = text_of(encode(program));
        pool_ = house_.pool_for(job_);
        reporting_.describe_isolation(pool_->filter(), house_.host_uid());
        pool_->request(*this);
    } catch (const std::exception&) {
        reporting_.fail_by_current_exception();
        finish();
    }
}

void WarmRun::take_sandbox(std::unique_ptr<WarmSandbox> sandbox) {
    sandbox_ = std::move(sandbox);
    sandbox_->set_owner(*this);
    reporting_.set_handed_over(sandbox::monotonic_ns());
    try {
        sandbox_->begin(std::move(program_), job_.limits, {.stdin_fd = stdin_.fd}, holder_.get());
    } catch (const std::exception& error) {
        sandbox_->watch().fail({.step = sandbox::Step::kStartProgram, .message = error.what()});
    }
}

void WarmRun::no_sandbox(const sandbox::Failure& failure) {
    reporting_.fail(failure);
    finish();
}

void WarmRun::interrupt(int signal) {
    if (sandbox_) return sandbox_->watch().interrupt(signal);
    if (pool_ == nullptr) return;
    pool_->withdraw(*this);
    reporting_.fail({.step = "await-sandbox", .message = "interrupted while setting up"});
    reporting_.set_interrupted(signal);
    finish();
}

void WarmRun::parked(WarmSandbox& /*sandbox*/) {}

/// A trace has an end when strace has: nothing is told ahead of that.
void WarmRun::over(WarmSandbox& /*sandbox*/) {
    if (!holder_) take_result();
}

void WarmRun::gone(WarmSandbox& /*sandbox*/) {
    if (!is_over_ && (!holder_ || holder_->is_done())) take_result();
}

void WarmRun::take_result() {
    is_over_ = true;
    try {
        if (holder_) {
            for (std::string& warning : holder_->warnings())
                reporting_.warn(std::move(warning));
        }
        reporting_.take(sandbox_->watch().take(), sandbox_->leaf());
        const Denials& denials = sandbox_->denials();
        if (!denials.is_empty()) reporting_.set_denied(denials.explained(pool_->denial_study()));
    } catch (const std::exception&) {
        reporting_.fail_by_current_exception();
    }
    finish();
}

void WarmRun::finish() {
    on_done_();
}

RunReport WarmRun::report() {
    return reporting_.finish(-1);
}

}  // namespace vitrine::runtime
