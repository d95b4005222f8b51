// An interpreter in the test's own process, made from the rootfs of the build.
#pragma once

#include <string>

#include "python/interpreter.h"

namespace vitrine::test {

/// Starts this process's one interpreter from the Python in `root`. Throws Error.
python::Interpreter start_interpreter(const std::string& root);

/// Of the build's minimal rootfs. Started at the first call; one per process.
const python::Interpreter& shared_interpreter();

}  // namespace vitrine::test
