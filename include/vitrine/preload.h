// What warm interpreters hold before any job comes.
#pragma once

#include <string>
#include <vector>

namespace vitrine {

/// Imported and run once, not once a job; every job shares what they made. Trusted: no policy is
/// asked, and the script may start no thread.
struct Preload {
    std::vector<std::string> modules = {};  ///< Names, as `import` takes them.
    std::string script = {};                ///< Source of a script; empty for none.
};

}  // namespace vitrine
