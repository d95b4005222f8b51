// Where no process image can be made: its switch from one C library to the other is x86-64's.

#include "base/error.h"
#include "kernel/process_image.h"

namespace vitrine::kernel {

void ask_for_image_layout() {
    throw Error("the memory of a process can be kept on x86-64 only");
}

void write_process_image(int /*fd*/, GoOn /*go_on*/, void* /*state*/, std::string_view /*label*/) {
    ask_for_image_layout();
}

bool is_whole_image(int /*fd*/) {
    return false;
}

Misfit go_on_from(int /*fd*/, std::string_view /*label*/, void* /*argument*/) {
    return Misfit::kKernel;
}

bool FormerMemory::keep(Range /*range*/) {
    return false;
}

void FormerMemory::forget() const {}

}  // namespace vitrine::kernel
