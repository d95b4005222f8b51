#include "rootfs/recipe.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace vitrine::rootfs {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t kMaxRecipe = std::size_t{1} << 20;

/// Beside the roots of a build tree, or below the prefix of an installed Vitrine.
fs::path recipe_directory() {
    const fs::path here = executable_directory();
    const fs::path installed = here.parent_path() / "share/vitrine/rootfs";
    return fs::is_directory(installed) ? installed : here / "rootfs";
}

Recipe decode(const Json& json) {
    Recipe recipe;
    for (const auto& [key, value] : json.items()) {
        if (key == "summary") {
            recipe.summary = value;
        } else if (key == "distributions") {
            recipe.distributions = value;
        } else if (key == "packages") {
            recipe.packages = value;
        } else if (key == "suite") {
            recipe.suite = value;
        } else {
            throw Error(
                concat("unknown key '", key, "'; known: summary, distributions, packages, suite"));
        }
    }
    return recipe;
}

Recipe read(const fs::path& path) {
    try {
        Recipe recipe = decode(Json::parse(read_file(path, kMaxRecipe)));
        recipe.name = path.stem();
        return recipe;
    } catch (const Json::exception& problem) {
        throw UsageError(concat("recipe '", path.string(), "': ", problem.what()));
    } catch (const Error& problem) {
        throw UsageError(concat("recipe '", path.string(), "': ", problem.what()), problem.hint());
    }
}

}  // namespace

Recipe read_recipe(const std::string& name) {
    if (name.find('/') != std::string::npos || name.ends_with(".json")) return read(name);
    const fs::path path = recipe_directory() / (name + ".json");
    if (fs::exists(path)) return read(path);
    std::string known;
    for (const Recipe& recipe : known_recipes())
        known += concat(known.empty() ? "" : ", ", recipe.name);
    throw UsageError(concat("there is no recipe '", name, "'"),
                     concat("known: ", known, "; or name a recipe's file"));
}

std::vector<Recipe> known_recipes() {
    std::vector<Recipe> recipes;
    for (const auto& entry : fs::directory_iterator(recipe_directory())) {
        if (entry.path().extension() == ".json") recipes.push_back(read(entry.path()));
    }
    std::ranges::sort(recipes, {}, &Recipe::name);
    return recipes;
}

}  // namespace vitrine::rootfs
