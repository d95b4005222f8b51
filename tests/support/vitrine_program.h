// Runs the built `vitrine` as a user would, from outside, with bounds of its own around it.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vitrine::test {

struct Call {
    std::vector<std::string> arguments;
    std::string input;  ///< What vitrine's own stdin holds.
    std::vector<std::pair<std::string, std::string>> environment;
    /// A hang is a failure, not an endless test. Emulated machines get more; see time_scale().
    std::chrono::seconds patience{60};
};

struct Answer {
    int exit_code = -1;  ///< 128+N when vitrine itself was killed by signal N.
    std::string out;
    std::string err;

    /// The object `--result -` printed. Throws when stdout is no such thing.
    nlohmann::json result() const;
};

/// The `vitrine` under test.
std::string vitrine_path();

/// Flags of every `run`, from the environment (VITRINE_RUN_FLAGS, one or none): a suite can be run
/// in another way.
std::vector<std::string> run_flags();

/// A rootfs that holds busybox and cat beside its Python.
std::string rootfs_with_commands();

/// 1, or more on a slow machine (environment variable VITRINE_TIME_SCALE).
int time_scale();

Answer run_vitrine(const Call& call);

/// Any program, with the same bounds around it.
Answer run_program(const std::string& path, const Call& call);

/// In a child: becomes the program `words` starts with.
[[noreturn]] void execute(std::vector<std::string> words);

/// `vitrine run FLAGS... -c CODE`.
Answer run_code(const std::string& code, std::vector<std::string> flags = {});

/// The same with `--result -`: the result object.
nlohmann::json result_of(const std::string& code, std::vector<std::string> flags = {});

/// `vitrine run --rootfs … FLAGS... --exec -- WORDS...`, in the rootfs with commands.
Answer run_command(const std::vector<std::string>& words,
                   const std::vector<std::string>& flags = {}, const std::string& input = {});
/// What busybox's shell makes of `script`.
Answer run_shell(const std::string& script, const std::vector<std::string>& flags = {});

/// Runs `code` without layer 1: the layers below must hold alone.
nlohmann::json result_unvalidated(const std::string& code, std::vector<std::string> flags = {});

}  // namespace vitrine::test
