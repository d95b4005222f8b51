// Where profiles come from: built-in names, files, and several joined by `+`.
#pragma once

#include <string>
#include <vector>

namespace vitrine::seccomp {

/// One side of an intersection: a profile's name as it was asked for, and its JSON.
struct ProfilePart {
    std::string name;
    std::string json;
};

/// The parts of `A+B+…`, read. A name without `/` is a built-in one, `DIRECTORY/NAME.json`,
/// anything else a file. Throws UsageError: no such profile; Error: an unreadable one, or one
/// larger than 1 MiB.
std::vector<ProfilePart> read_parts(const std::string& profile,
                                    const std::string& profiles_directory);

/// The built-in profile files of a directory, by name, sorted.
std::vector<std::string> built_in_profiles(const std::string& profiles_directory);

}  // namespace vitrine::seccomp
