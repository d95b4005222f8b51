// What a running program depends on that can be another one the next time.
#pragma once

#include <cstdint>

namespace vitrine::kernel {

/// Each as a hash, 0 where it cannot be told. Against change, not against forgery.
struct Origin {
    std::uint64_t program = 0;    ///< Build ids of the program and the libraries it starts with.
    std::uint64_t processor = 0;  ///< The features that the C library chooses its functions by.
    std::uint64_t vdso = 0;       ///< The code that the kernel puts into every process.
};

Origin own_origin();

}  // namespace vitrine::kernel
