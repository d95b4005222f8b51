// Recipes: what a rootfs is to hold, as a small JSON file. rootfs/*.json.
#pragma once

#include <string>
#include <vector>

namespace vitrine::rootfs {

struct Recipe {
    std::string name;     ///< The file's, without directory and `.json`.
    std::string summary;  ///< One line on what it is for.
    /// Distributions to take along, with all they need.
    std::vector<std::string> distributions;
    /// Debian packages that hold the distributions: named to who misses one.
    std::vector<std::string> packages;
    /// Debian suite to make the whole rootfs from, with `packages`, instead of the host's Python.
    std::string suite;
};

/// Reads the recipe `name`: one of those Vitrine brings along, or the path of a file (anything with
/// a slash or `.json`). Throws UsageError naming the file and the key that will not do.
Recipe read_recipe(const std::string& name);

/// Every recipe Vitrine brings along, by name.
std::vector<Recipe> known_recipes();

}  // namespace vitrine::rootfs
