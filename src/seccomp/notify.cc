#include "seccomp/notify.h"

#include <linux/seccomp.h>

#include "base/error.h"

namespace vitrine::seccomp {

namespace {

bool is_handed_over(std::uint32_t outcome, Notify what) {
    switch (outcome & SECCOMP_RET_ACTION_FULL) {
        case SECCOMP_RET_ERRNO:
            return true;
        case SECCOMP_RET_ALLOW:
        case SECCOMP_RET_LOG:
            return what == Notify::kAll;
        default:
            // The kernel takes care of what kills, traps and traces: nobody could answer for it.
            return false;
    }
}

}  // namespace

Program notifying(Program program, Notify what) {
    for (sock_filter& step : program) {
        if (BPF_CLASS(step.code) != BPF_RET) continue;
        if (BPF_RVAL(step.code) != BPF_K) throw Error("a filter computes what it returns");
        if (is_handed_over(step.k, what)) step.k = SECCOMP_RET_USER_NOTIF;
    }
    return program;
}

}  // namespace vitrine::seccomp
