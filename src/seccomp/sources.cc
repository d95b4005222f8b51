#include "seccomp/sources.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"

namespace vitrine::seccomp {

namespace {

constexpr std::size_t kMaxProfile = std::size_t{1} << 20;
constexpr std::size_t kMaxParts = 8;

std::string list_of(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names)
        list += concat(list.empty() ? "" : ", ", name);
    return list;
}

/// The file of a built-in profile.
std::string built_in_path(const std::string& name, const std::string& directory) {
    if (name == "unconfined") {
        throw UsageError("there is no 'unconfined' profile",
                         "a run without a filter is not offered; give a profile that allows what "
                         "the program needs: --security-opt seccomp=FILE");
    }
    const std::vector<std::string> known = built_in_profiles(directory);
    if (std::ranges::find(known, name) == known.end()) {
        throw UsageError(
            concat("unknown seccomp profile '", name, "'"),
            concat("built in: ", list_of(known), "; a file needs a '/' in its name: ./", name));
    }
    return concat(directory, "/", name, ".json");
}

/// Splits at `+`. A path that has one in its name is still a path: what is a file is taken whole.
std::vector<std::string> split(const std::string& profile) {
    std::error_code ignored;
    if (profile.find('/') != std::string::npos && std::filesystem::exists(profile, ignored)) {
        return {profile};
    }
    std::vector<std::string> names;
    std::size_t start = 0;
    for (std::size_t plus = 0; plus != std::string::npos; start = plus + 1) {
        plus = profile.find('+', start);
        names.push_back(profile.substr(start, plus - start));
        if (names.back().empty()) {
            throw UsageError(
                concat("an empty name in the seccomp profile '", profile, "'"),
                "profiles to intersect are joined by one '+': docker-default+./my.json");
        }
    }
    if (names.size() > kMaxParts) {
        throw UsageError(concat("more than ", kMaxParts, " profiles joined by '+'"));
    }
    return names;
}

}  // namespace

std::vector<std::string> built_in_profiles(const std::string& profiles_directory) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(profiles_directory, ignored)) {
        if (entry.path().extension() == ".json") names.push_back(entry.path().stem());
    }
    std::ranges::sort(names);
    return names;
}

std::vector<ProfilePart> read_parts(const std::string& profile,
                                    const std::string& profiles_directory) {
    std::vector<ProfilePart> parts;
    for (const std::string& name : split(profile)) {
        const bool is_built_in = name.find('/') == std::string::npos;
        const std::string path = is_built_in ? built_in_path(name, profiles_directory) : name;
        parts.push_back({.name = name, .json = read_file(path, kMaxProfile)});
    }
    return parts;
}

}  // namespace vitrine::seccomp
