#include "cli/rootfs_inspect.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/fd.h"
#include "rootfs/manifest.h"
#include "rootfs/snapshot.h"
#include "runtime/host.h"

namespace vitrine::cli {

namespace {

using Json = nlohmann::ordered_json;
using rootfs::Difference;

void add_common_flags(CLI::App& app, InspectFlags& flags) {
    app.add_option("DIR", flags.directory, "The rootfs [the default one]");
    app.add_flag("--json", flags.is_json, "One JSON object instead of text");
}

std::string directory_of(const InspectFlags& flags) {
    std::string directory =
        flags.directory.empty() ? runtime::installed_files().rootfs : flags.directory;
    while (directory.size() > 1 && directory.ends_with('/'))
        directory.pop_back();
    return directory;
}

void say(const std::string& text) {
    write_all(STDOUT_FILENO, text + "\n");
}

const char* word_for(Difference::Kind kind) {
    switch (kind) {
        case Difference::Kind::kMissing:
            return "missing";
        case Difference::Kind::kAdded:
            return "added";
        case Difference::Kind::kChanged:
            break;
    }
    return "changed";
}

std::string verdict_json(const rootfs::Manifest& manifest, const std::string& actual_id,
                         const std::vector<Difference>& differences, bool has_snapshot) {
    Json list = Json::array();
    for (const Difference& difference : differences) {
        list.push_back({{"path", difference.path},
                        {"kind", word_for(difference.kind)},
                        {"detail", difference.detail}});
    }
    const Json json{{"ok", differences.empty() && actual_id == manifest.content_id},
                    {"content_id", manifest.content_id},
                    {"actual_id", actual_id},
                    {"entries", manifest.entries.size()},
                    {"has_snapshot", has_snapshot},
                    {"differences", list}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void tell_verdict(const std::string& directory, const rootfs::Manifest& manifest,
                  const std::string& actual_id, const std::vector<Difference>& differences) {
    for (const Difference& difference : differences) {
        say(concat(word_for(difference.kind), "  ", difference.path,
                   difference.detail.empty() ? "" : "  (" + difference.detail + ")"));
    }
    if (!differences.empty()) {
        say(concat("'", directory, "' differs from its manifest in ", differences.size(),
                   " places; build it again: vitrine rootfs build -o ", directory));
    } else if (actual_id != manifest.content_id) {
        say(concat("the manifest of '", directory, "' was changed: it says ", manifest.content_id,
                   ", its entries are ", actual_id));
    } else {
        say(concat("'", directory, "' is as it was built: ", manifest.entries.size(), " entries, ",
                   manifest.content_id));
    }
}

/// What `show` says of it; it is no part of the content.
std::optional<std::uint64_t> snapshot_bytes(const std::string& directory) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(directory + rootfs::kSnapshotFile, error);
    const bool is_usable = rootfs::find_snapshot(directory) == rootfs::Snapshot::kUsable;
    return error || !is_usable ? std::nullopt : std::optional(bytes);
}

std::string summary_json(const std::string& directory, const rootfs::Manifest& manifest) {
    const auto bytes = snapshot_bytes(directory);
    Json distributions = Json::array();
    for (const rootfs::Distribution& entry : manifest.python.distributions)
        distributions.push_back({{"name", entry.name}, {"version", entry.version}});
    const Json json{{"directory", directory},
                    {"python", manifest.python.version},
                    {"soabi", manifest.python.soabi},
                    {"distributions", distributions},
                    {"entries", manifest.entries.size()},
                    {"bytes", rootfs::total_bytes(manifest.entries)},
                    {"content_id", manifest.content_id},
                    {"snapshot_bytes", bytes ? Json(*bytes) : Json(nullptr)},
                    {"builder", manifest.builder},
                    {"source", manifest.source},
                    {"recipe", manifest.recipe.empty() ? Json(nullptr) : Json(manifest.recipe)}};
    return json.dump();
}

void tell_summary(const std::string& directory, const rootfs::Manifest& manifest) {
    say(concat("rootfs     ", directory));
    say(concat("python     ", manifest.python.version, " (", manifest.python.soabi, ")"));
    const std::uint64_t bytes = rootfs::total_bytes(manifest.entries);
    say(concat("size       ", bytes >> 20U, " MiB in ", manifest.entries.size(), " entries"));
    std::string names;
    for (const rootfs::Distribution& entry : manifest.python.distributions)
        names += concat(names.empty() ? "" : ", ", entry.name, " ", entry.version);
    say(concat("packages   ", names.empty() ? "none beside the standard library" : names));
    say(concat("content    ", manifest.content_id));
    const auto snapshot = snapshot_bytes(directory);
    say(snapshot ? concat("snapshot   ", *snapshot >> 20U, " MiB: a started Python for cold runs")
                 : "snapshot   none that runs would use");
    say(concat("made by    ", manifest.builder, " from ", manifest.source,
               manifest.recipe.empty() ? "" : concat(", recipe ", manifest.recipe)));
}

}  // namespace

void add_verify_flags(CLI::App& verify, InspectFlags& flags) {
    add_common_flags(verify, flags);
    verify.footer(
        R"(Exit code: 0 when the tree is as it was built, 1 when it is not, 125 when there is nothing to compare.

Examples:
  vitrine rootfs verify
  vitrine rootfs verify scientific
  vitrine rootfs verify --json scientific)");
}

void add_show_flags(CLI::App& show, InspectFlags& flags) {
    add_common_flags(show, flags);
    show.footer(R"(Examples:
  vitrine rootfs show
  vitrine rootfs show --json scientific)");
}

int verify_rootfs(const InspectFlags& flags) {
    const std::string directory = directory_of(flags);
    const rootfs::Manifest manifest = rootfs::read_manifest(directory);
    const std::vector<Difference> differences =
        rootfs::compare(manifest.entries, rootfs::scan(directory));
    const std::string actual_id = rootfs::content_id(manifest.entries);
    const bool has_snapshot = snapshot_bytes(directory).has_value();
    if (flags.is_json) {
        say(verdict_json(manifest, actual_id, differences, has_snapshot));
    } else {
        tell_verdict(directory, manifest, actual_id, differences);
        if (has_snapshot) {
            say("its snapshot, which runs start from, is in no manifest; "
                "'vitrine rootfs snapshot' makes it anew");
        }
    }
    return differences.empty() && actual_id == manifest.content_id ? 0 : 1;
}

int show_rootfs(const InspectFlags& flags) {
    const std::string directory = directory_of(flags);
    const rootfs::Manifest manifest = rootfs::read_manifest(directory);
    if (flags.is_json) {
        say(summary_json(directory, manifest));
    } else {
        tell_summary(directory, manifest);
    }
    return 0;
}

}  // namespace vitrine::cli
