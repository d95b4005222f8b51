// `vitrine supervise`: what libvitrine starts. Not for people, and not in the help.
#pragma once

#include <span>
#include <string>

namespace vitrine::cli {

/// `supervise BUILD PID`, with a socket as descriptor 3. Throws UsageError where that was not
/// started by the library.
int supervise_command(std::span<const std::string> words);

}  // namespace vitrine::cli
