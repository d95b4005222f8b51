// One embedded CPython, started from a rootfs's libpython. See "Initialization configuration" in
// CPython's C API manual.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "python/api.h"
#include "python/arenas.h"

namespace vitrine::python {

/// What starts an interpreter: paths as they are inside the rootfs.
struct InterpreterSpec {
    std::string libpython;
    std::vector<std::string> libraries;  ///< What libpython needs.
    std::string prefix;
    std::string stdlib;
    std::vector<std::string> search_path;  ///< sys.path
};

std::string encode(const InterpreterSpec& spec);
/// Throws Error on bytes that do not fit.
InterpreterSpec decode_interpreter_spec(std::string_view bytes);

/// Takes everything that is alive out of the reach of the garbage collector, for good: what is
/// there before a program is never garbage, and no collection need look at it. Throws Error.
void freeze_heap(const Api& api);

/// A text that changes with the spec, and with size, time, mode or inode of what an interpreter
/// starts from: its libraries, the directories it imports from, and the modules it imports at once.
std::string fingerprint(const InterpreterSpec& spec);

/// Whose interpreter it is.
enum class Life : std::uint8_t {
    kOwn,     ///< One program's.
    kForked,  ///< Of many that are forked of it: symbols are bound at once, its arenas are huge.
    kKept,    ///< Of many that go on from its memory in a file: symbols are bound at once.
};

/// A running interpreter. One per process; it is never finalised: the process ends instead.
class Interpreter {
  public:
    /// Loads libpython and initialises it isolated: no environment, no user site, no `site`,
    /// UTF-8 mode, nothing written. Throws Error.
    static Interpreter start(const InterpreterSpec& spec, Life life = Life::kOwn);

    const Api& api() const noexcept { return api_; }
    /// Null but for one that is forked.
    HugeArenas* arenas() noexcept { return arenas_.get(); }

    /// Replaces the environment, both libc's and what os.environ is or will be made from.
    void set_environment(const std::vector<std::pair<std::string, std::string>>& environment) const;

    /// `3.11.2`.
    std::string version() const;

  private:
    explicit Interpreter(Api api) : api_(api) {}

    Api api_;
    std::unique_ptr<HugeArenas> arenas_;
};

}  // namespace vitrine::python
