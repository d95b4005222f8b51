#include "rootfs/description.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/causes.h"
#include "base/file.h"

namespace vitrine::rootfs {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "vitrine.rootfs.v1";
constexpr std::size_t kMaxDescription = std::size_t{1} << 20;

PythonDescription decode(const Json& json) {
    PythonDescription description{.version = json.at("version"),
                                  .soabi = json.at("soabi"),
                                  .libpython = json.at("libpython"),
                                  .libraries = json.at("libraries"),
                                  .prefix = json.at("prefix"),
                                  .search_path = json.at("search_path"),
                                  .distributions = {}};
    for (const Json& entry : json.at("distributions")) {
        description.distributions.push_back({entry.at("name"), entry.at("version")});
    }
    if (description.search_path.empty()) throw Error("'search_path' is empty");
    return description;
}

}  // namespace

PythonDescription decode_description(const std::string& text) {
    try {
        const Json json = Json::parse(text);
        if (json.at("schema") != kSchema) throw Error("unknown schema");
        return decode(json);
    } catch (const Json::exception& problem) {
        throw Error(problem.what());
    }
}

PythonDescription read_description(const std::string& directory) {
    std::error_code error;
    const auto status = std::filesystem::status(directory, error);
    if (!std::filesystem::exists(status)) {
        throw CauseError(advise(Cause::kRootfsMissing, {directory}));
    }
    if (!std::filesystem::is_directory(status)) {
        throw CauseError(advise(Cause::kRootfsDamaged, {directory, "it is not a directory"}));
    }
    const std::string path = directory + kDescriptionFile;
    if (!std::filesystem::exists(path, error)) {
        throw CauseError(advise(Cause::kRootfsForeign, {directory}));
    }
    try {
        return decode_description(read_file(path, kMaxDescription));
    } catch (const Error& problem) {
        throw CauseError(
            advise(Cause::kRootfsDamaged,
                   {directory, concat("its description is broken: ", problem.what())}));
    }
}

std::string encode_description(const PythonDescription& description) {
    Json distributions = Json::array();
    for (const Distribution& entry : description.distributions) {
        distributions.push_back({{"name", entry.name}, {"version", entry.version}});
    }
    const Json json{{"schema", kSchema},
                    {"version", description.version},
                    {"soabi", description.soabi},
                    {"libpython", description.libpython},
                    {"libraries", description.libraries},
                    {"prefix", description.prefix},
                    {"search_path", description.search_path},
                    {"distributions", distributions}};
    return json.dump(2) + "\n";
}

}  // namespace vitrine::rootfs
