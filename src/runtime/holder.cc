#include "runtime/holder.h"

#include "runtime/debugger.h"
#include "runtime/strace.h"

namespace vitrine::runtime {

std::unique_ptr<Holder> make_holder(const RunContext& context, const RunOptions& options,
                                    HolderHooks hooks) {
    if (options.strace) {
        return std::make_unique<Strace>(context, *options.strace, std::move(hooks));
    }
    if (options.debugger) {
        return std::make_unique<DebuggerWait>(context, *options.debugger, std::move(hooks));
    }
    return nullptr;
}

}  // namespace vitrine::runtime
