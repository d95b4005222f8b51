#include "runtime/story.h"

#include <algorithm>
#include <array>

namespace vitrine::runtime {

namespace {

/// In the order of kernel::Misfit.
struct Start {
    kernel::Misfit misfit;
    const char* what;  ///< As the story has it.
    const char* why;   ///< As the end of a sentence; empty where there is nothing to regret.
};

constexpr auto kStarts = std::to_array<Start>({
    {kernel::Misfit::kNone, "payload: born; going on from the rootfs's snapshot", ""},
    {kernel::Misfit::kAbsent, "payload: born; starting the interpreter",
     "the rootfs has no snapshot"},
    {kernel::Misfit::kUnreadable,
     "payload: born; the snapshot cannot be read; starting the interpreter",
     "the rootfs's snapshot cannot be read by the job's user"},
    {kernel::Misfit::kDamaged, "payload: born; the snapshot is damaged; starting the interpreter",
     "the rootfs's snapshot is damaged"},
    {kernel::Misfit::kProgram,
     "payload: born; the snapshot is of another vitrine or C library; starting the interpreter",
     "the rootfs's snapshot was made by another vitrine, or with another C library"},
    {kernel::Misfit::kProcessor,
     "payload: born; the snapshot is of another processor; starting the interpreter",
     "the rootfs's snapshot was made on another processor"},
    {kernel::Misfit::kKernel,
     "payload: born; the snapshot is of another kernel; starting the interpreter",
     "the rootfs's snapshot was made on another kernel, or this one cannot use any"},
    {kernel::Misfit::kLabel,
     "payload: born; the snapshot is of another rootfs; starting the interpreter",
     "the rootfs has changed since its snapshot was made"},
    {kernel::Misfit::kPlace,
     "payload: born; the snapshot's place is taken; starting the interpreter",
     "something was where the rootfs's snapshot belongs: by chance, or because this host gives "
     "processes no random addresses"},
    {kernel::Misfit::kRoom,
     "payload: born; there is no room for the snapshot; starting the interpreter",
     "the rootfs's snapshot cannot be mapped under the limits of this process (ulimit)"},
});

static_assert(kStarts.size() == static_cast<std::size_t>(kernel::Misfit::kLast) + 1);

const Start& start_of(kernel::Misfit misfit) {
    return kStarts.at(static_cast<std::size_t>(misfit));
}

}  // namespace

const char* why_no_snapshot(kernel::Misfit misfit) {
    return start_of(misfit).why;
}

void Story::note(const char* what) {
    note_at(sandbox::monotonic_ns(), what);
}

void Story::note_at(std::int64_t ns, const char* what) {
    constexpr std::int64_t kNsPerUs = 1000;
    if (ns >= start_ns_) moments_.push_back({(ns - start_ns_) / kNsPerUs, what});
}

void Story::take(const Observed& observed) {
    if (observed.launched) {
        note_at(observed.launched->forking_ns, "zygote: init is born; forking the payload");
    }
    if (observed.claims.confined) {
        const sandbox::Confined& confined = *observed.claims.confined;
        note_at(confined.born_ns, start_of(confined.snapshot).what);
        note_at(confined.ready_ns, "payload: sandbox and interpreter are both ready");
        note_at(confined.entered_ns, "payload: in the sandbox, every privilege given up");
        note_at(confined.filtered_ns, "payload: the seccomp filter is installed");
    }
    if (observed.claims.accepted) {
        note_at(observed.claims.accepted->started_ns, "payload: reading the program");
        const std::int64_t accepted_ns = observed.claims.accepted->accepted_ns;
        if (observed.held_ns != 0) note_at(accepted_ns, "payload: accepted, and held at its gate");
        note_at(accepted_ns + observed.held_ns, observed.held_ns == 0
                                                    ? "payload: accepted; the program starts"
                                                    : "payload: let go; the program starts");
    }
    if (observed.ended_ns != 0) note_at(observed.ended_ns, "the payload has ended");
    if (observed.gone_ns != 0) note_at(observed.gone_ns, "nothing of the sandbox is left");
}

std::vector<Moment> Story::told() const {
    std::vector<Moment> told = moments_;
    std::ranges::stable_sort(told, {}, &Moment::us);
    return told;
}

}  // namespace vitrine::runtime
