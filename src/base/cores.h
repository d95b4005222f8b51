// The cores of this machine.
#pragma once

namespace vitrine {

/// As many as this process may use, not as many as there are; at least 1.
unsigned usable_cores();

}  // namespace vitrine
