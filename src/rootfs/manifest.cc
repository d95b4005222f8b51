#include "rootfs/manifest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/sha256.h"
#include "rootfs/snapshot.h"

namespace vitrine::rootfs {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "vitrine.manifest.v1";
constexpr std::size_t kMaxManifest = std::size_t{256} << 20;
constexpr std::uint32_t kModeBits = 07777;

/// One letter a kind, as in the listing the content id is taken of.
struct KindName {
    Entry::Kind kind;
    const char* name;
};
constexpr std::array<KindName, 4> kKinds{{{Entry::Kind::kDirectory, "directory"},
                                          {Entry::Kind::kFile, "file"},
                                          {Entry::Kind::kLink, "link"},
                                          {Entry::Kind::kOther, "other"}}};

const char* name_of(Entry::Kind kind) {
    return std::ranges::find(kKinds, kind, &KindName::kind)->name;
}

Entry::Kind parse_kind(const std::string& name) {
    const auto found =
        std::ranges::find_if(kKinds, [&](const KindName& known) { return name == known.name; });
    if (found == kKinds.end()) throw Error(concat("unknown kind '", name, "'"));
    return found->kind;
}

std::string octal(std::uint32_t mode) {
    std::string digits = "0000";
    for (std::size_t i = digits.size(); i-- > 0; mode >>= 3U)
        digits[i] = static_cast<char>('0' + (mode & 7U));
    return digits;
}

std::uint32_t parse_octal(const std::string& text) {
    std::uint32_t mode = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '7' || text.size() > 4) {
            throw Error(concat("'", text, "' is no file mode"));
        }
        mode = mode << 3U | static_cast<std::uint32_t>(digit - '0');
    }
    return mode;
}

std::string hash_file(const std::string& path) {
    const UniqueFd file = open_file(path, O_RDONLY | O_NOFOLLOW);
    std::array<std::byte, 1U << 17U> buffer;
    Sha256 hash;
    for (;;) {
        const ssize_t got = check(::read(file.get(), buffer.data(), buffer.size()),
                                  concat("reading '", path, "'"), "read");
        if (got == 0) return hash.hex();
        hash.feed(std::span(buffer).first(static_cast<std::size_t>(got)));
    }
}

Entry describe(const std::string& host_path, std::string path) {
    struct stat info{};
    check(::lstat(host_path.c_str(), &info), concat("looking at '", host_path, "'"), "lstat");
    Entry entry{.path = std::move(path),
                .kind = Entry::Kind::kOther,
                .mode = info.st_mode & kModeBits,
                .sha256 = {},
                .target = {}};
    if (S_ISDIR(info.st_mode)) {
        entry.kind = Entry::Kind::kDirectory;
    } else if (S_ISREG(info.st_mode)) {
        entry.kind = Entry::Kind::kFile;
        entry.size = static_cast<std::uint64_t>(info.st_size);
        entry.sha256 = hash_file(host_path);
    } else if (S_ISLNK(info.st_mode)) {
        entry.kind = Entry::Kind::kLink;
        entry.mode = 0;
        entry.target = fs::read_symlink(host_path);
    }
    return entry;
}

Json to_json(const Entry& entry) {
    Json json{{"path", entry.path}, {"kind", name_of(entry.kind)}};
    if (entry.kind == Entry::Kind::kLink) {
        json["target"] = entry.target;
        return json;
    }
    json["mode"] = octal(entry.mode);
    if (entry.kind == Entry::Kind::kFile) {
        json["size"] = entry.size;
        json["sha256"] = entry.sha256;
    }
    return json;
}

Entry entry_from(const Json& json) {
    Entry entry{
        .path = json.at("path"), .kind = parse_kind(json.at("kind")), .sha256 = {}, .target = {}};
    if (entry.kind == Entry::Kind::kLink) {
        entry.target = json.at("target");
        return entry;
    }
    entry.mode = parse_octal(json.at("mode"));
    if (entry.kind == Entry::Kind::kFile) {
        entry.size = json.at("size");
        entry.sha256 = json.at("sha256");
    }
    return entry;
}

/// What of `actual` is not as in `expected`; empty when nothing is.
std::string change(const Entry& expected, const Entry& actual) {
    if (expected == actual) return {};
    if (expected.kind != actual.kind) {
        return concat("is a ", name_of(actual.kind), ", was a ", name_of(expected.kind));
    }
    if (expected.mode != actual.mode) {
        return concat("mode ", octal(actual.mode), ", was ", octal(expected.mode));
    }
    if (expected.target != actual.target) {
        return concat("leads to '", actual.target, "', led to '", expected.target, "'");
    }
    if (expected.size != actual.size) {
        return concat(actual.size, " bytes, was ", expected.size);
    }
    return "other content of the same size";
}

}  // namespace

std::vector<Entry> scan(const std::string& directory) {
    std::vector<Entry> entries;
    for (const auto& found : fs::recursive_directory_iterator(directory)) {
        const std::string host_path = found.path();
        std::string path = host_path.substr(directory.size());
        if (path != kManifestFile && !is_snapshots(path))
            entries.push_back(describe(host_path, std::move(path)));
    }
    std::ranges::sort(entries, {}, &Entry::path);
    return entries;
}

std::string content_id(const std::vector<Entry>& entries) {
    Sha256 hash;
    for (const Entry& entry : entries) {
        // No field can hold the zero byte that ends it.
        for (const std::string& field : {std::string(name_of(entry.kind)), entry.path,
                                         octal(entry.mode), entry.sha256, entry.target}) {
            hash.feed(std::as_bytes(std::span(field.c_str(), field.size() + 1)));
        }
    }
    return "sha256:" + hash.hex();
}

std::uint64_t total_bytes(const std::vector<Entry>& entries) {
    std::uint64_t bytes = 0;
    for (const Entry& entry : entries)
        bytes += entry.size;
    return bytes;
}

std::string encode_manifest(const Manifest& manifest) {
    // One entry a line: a diff of two manifests is then a diff of two trees.
    std::string entries;
    for (const Entry& entry : manifest.entries) {
        entries += concat(entries.empty() ? "\n  " : ",\n  ",
                          to_json(entry).dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    Json head{{"schema", kSchema},
              {"content_id", manifest.content_id},
              {"builder", manifest.builder},
              {"source", manifest.source},
              {"recipe", manifest.recipe},
              {"python", Json::parse(encode_description(manifest.python))}};
    std::string text = head.dump(1);
    text.resize(text.find_last_of('\n'));
    return concat(text, ",\n \"entries\": [", entries, "\n ]\n}\n");
}

Manifest decode_manifest(const std::string& text) {
    try {
        const Json json = Json::parse(text);
        if (json.at("schema") != kSchema) throw Error("unknown schema");
        Manifest manifest{.content_id = json.at("content_id"),
                          .builder = json.at("builder"),
                          .source = json.at("source"),
                          .recipe = json.at("recipe"),
                          .python = decode_description(json.at("python").dump()),
                          .entries = {}};
        for (const Json& entry : json.at("entries"))
            manifest.entries.push_back(entry_from(entry));
        std::ranges::sort(manifest.entries, {}, &Entry::path);
        return manifest;
    } catch (const Json::exception& problem) {
        throw Error(problem.what());
    }
}

Manifest read_manifest(const std::string& directory) {
    (void)read_description(directory);
    const std::string hint = concat("build it again: vitrine rootfs build -o ", directory);
    if (!fs::exists(directory + kManifestFile)) {
        throw UsageError(concat("rootfs '", directory, "' has no manifest"), hint);
    }
    try {
        return decode_manifest(read_file(directory + kManifestFile, kMaxManifest));
    } catch (const Error& problem) {
        throw UsageError(concat("rootfs '", directory, "' has a broken manifest: ", problem.what()),
                         hint);
    }
}

std::vector<Difference> compare(const std::vector<Entry>& expected,
                                const std::vector<Entry>& actual) {
    std::vector<Difference> differences;
    const auto add = [&](Difference::Kind kind, const Entry& entry, std::string detail) {
        differences.push_back({kind, entry.path, std::move(detail)});
    };
    auto wanted = expected.begin();
    auto found = actual.begin();
    while (wanted != expected.end() || found != actual.end()) {
        if (found == actual.end() || (wanted != expected.end() && wanted->path < found->path)) {
            add(Difference::Kind::kMissing, *wanted++, {});
        } else if (wanted == expected.end() || found->path < wanted->path) {
            add(Difference::Kind::kAdded, *found++, {});
        } else {
            if (std::string detail = change(*wanted, *found); !detail.empty()) {
                add(Difference::Kind::kChanged, *wanted, std::move(detail));
            }
            ++wanted;
            ++found;
        }
    }
    return differences;
}

}  // namespace vitrine::rootfs
