// Whose a thing on the host is: written into its name, so that what a killed supervisor left can
// be told from what belongs to a living one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vitrine::limits {

/// A process, unmistakably: a pid is reused, a pid with its start time is not.
struct Owner {
    std::string boot;                 ///< First characters of the boot id.
    std::uint64_t pid_namespace = 0;  ///< Its inode; a pid of another one says nothing here.
    std::int64_t pid = 0;
    std::uint64_t start_time = 0;  ///< In clock ticks since boot.

    bool operator==(const Owner&) const = default;
};

/// This process.
Owner this_owner();

/// `1a2b3c4d.4026531836.4711.99887`: fit for a name in a directory.
std::string to_text(const Owner& owner);
std::optional<Owner> parse_owner(std::string_view text);

/// True only where it is certain: an owner of this boot and of our pid namespace that does not
/// live any more. `self` is this_owner().
bool is_gone(const Owner& owner, const Owner& self);

}  // namespace vitrine::limits
