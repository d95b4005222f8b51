// Where a fork of a warm heap puts what it allocates: together, on pages that nobody else has.
//
// What was imported leaves free places all over a heap. Whatever a program allocates would go
// there, and each page that it writes to is copied from the zygote's, with a fault: several hundred
// for a small program. So the zygote takes those places itself, and what its forks allocate comes
// from where nothing has been.
#pragma once

#include "python/api.h"
#include "python/arenas.h"

namespace vitrine::python {

/// Takes, for good, the free places of CPython's allocator and of the C library's, up to the end of
/// what each has. In a zygote, before its first fork and with nothing more to be done than to fork.
void take_free_places(const Api& api, HugeArenas& arenas);

}  // namespace vitrine::python
