#include "rootfs/image.h"

#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/sha256.h"

namespace vitrine::rootfs {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxJson = std::size_t{4} << 20U;
constexpr std::string_view kBlobs = "blobs/sha256/";
constexpr std::size_t kHashLength = 64;
constexpr int kMaxIndexes = 3;
#if defined(__x86_64__)
constexpr const char* kArchitecture = "amd64";
#elif defined(__aarch64__)
constexpr const char* kArchitecture = "arm64";
#endif

std::string without_dot(const std::string& path) {
    return path.starts_with("./") ? path.substr(2) : path;
}

/// The text of the entry `wanted`; empty when there is none.
std::string find_text(const std::string& archive, const std::string& wanted) {
    ArchiveReader reader(archive);
    while (const auto entry = reader.next()) {
        if (without_dot(entry->path) != wanted || entry->kind != ArchiveEntry::Kind::kFile)
            continue;
        std::string text;
        std::array<std::byte, 4096> buffer;
        for (std::size_t got = 0; (got = reader.read(buffer)) > 0;) {
            text.append(reinterpret_cast<const char*>(buffer.data()), got);
            if (text.size() > kMaxJson) throw Error(concat("'", wanted, "' is too large"));
        }
        return text;
    }
    return {};
}

Json parse(const std::string& text, const std::string& name) {
    if (text.empty()) throw Error(concat("the image has no '", name, "'"));
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) throw Error(concat("'", name, "' of the image is no JSON"));
    return json;
}

std::string blob_path(const std::string& digest) {
    constexpr std::string_view kAlgorithm = "sha256:";
    const std::string hash = digest.substr(std::min(kAlgorithm.size(), digest.size()));
    const bool is_hash = hash.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!digest.starts_with(kAlgorithm) || hash.size() != kHashLength || !is_hash) {
        throw Error(concat("'", digest, "' is no digest Vitrine knows"));
    }
    return concat(kBlobs, hash);
}

ImageLayer layer_at(const std::string& path) {
    const bool is_blob = path.starts_with(kBlobs);
    return {.path = path, .sha256 = is_blob ? path.substr(kBlobs.size()) : std::string()};
}

std::vector<ImageLayer> docker_layers(const Json& manifest) {
    if (manifest.size() != 1) {
        throw Error(concat("the archive holds ", manifest.size(), " images"),
                    "save one at a time: docker save IMAGE -o FILE");
    }
    std::vector<ImageLayer> layers;
    for (const std::string path : manifest.at(0).at("Layers"))
        layers.push_back(layer_at(path));
    return layers;
}

/// The digest of the manifest for this machine.
std::string choose_manifest(const Json& index) {
    const Json& manifests = index.at("manifests");
    for (const Json& entry : manifests) {
        if (entry.value("/platform/architecture"_json_pointer, "") == kArchitecture) {
            return entry.at("digest");
        }
    }
    if (manifests.size() == 1) return manifests.at(0).at("digest");
    throw Error(concat("the image is for none of this machine's kind, ", kArchitecture));
}

std::vector<ImageLayer> oci_layers(const std::string& archive, const std::string& index_text) {
    Json json = parse(index_text, "index.json");
    for (int depth = 0; json.contains("manifests"); ++depth) {
        if (depth == kMaxIndexes) throw Error("the image's index leads to itself");
        const std::string path = blob_path(choose_manifest(json));
        json = parse(find_text(archive, path), path);
    }
    std::vector<ImageLayer> layers;
    for (const Json& entry : json.at("layers"))
        layers.push_back(layer_at(blob_path(entry.at("digest"))));
    return layers;
}

}  // namespace

std::vector<ImageLayer> find_layers(const std::string& path) {
    try {
        if (const std::string index = find_text(path, "index.json"); !index.empty()) {
            if (!find_text(path, "oci-layout").empty()) return oci_layers(path, index);
        }
        if (const std::string manifest = find_text(path, "manifest.json"); !manifest.empty()) {
            const Json json = Json::parse(manifest, nullptr, false);
            if (json.is_array() && !json.empty() && json.at(0).contains("Layers")) {
                return docker_layers(json);
            }
        }
        return {{}};
    } catch (const Json::exception& problem) {
        throw Error(concat("the image is not described as it should be: ", problem.what()));
    }
}

void read_layer(const std::string& path, const ImageLayer& layer,
                const std::function<void(ArchiveReader&)>& use) {
    ArchiveReader outer(path);
    if (layer.path.empty()) return use(outer);
    while (const auto entry = outer.next()) {
        if (without_dot(entry->path) != layer.path) continue;
        if (entry->kind != ArchiveEntry::Kind::kFile) {
            throw Error(concat("the layer '", layer.path, "' is a link"),
                        "save the image again with a newer docker");
        }
        Sha256 hash;
        const auto pull = [&](std::span<std::byte> buffer) {
            const std::size_t got = outer.read(buffer);
            hash.feed(buffer.first(got));
            return got;
        };
        ArchiveReader inner(pull);
        use(inner);
        std::array<std::byte, 1U << 16U> rest;
        while (pull(rest) > 0) {
        }
        if (!layer.sha256.empty() && hash.hex() != layer.sha256) {
            throw Error(concat("the layer '", layer.path, "' is not what its digest says"),
                        "the file is damaged: save the image again");
        }
        return;
    }
    throw Error(concat("the archive lacks the layer '", layer.path, "'"));
}

}  // namespace vitrine::rootfs
