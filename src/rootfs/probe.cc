#include "rootfs/probe.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "rootfs/closure.h"
#include "rootfs/python_process.h"
#include "rootfs/python_versions.h"

// Made from probe.py; see meson.build.
extern "C" {
extern const char _binary_rootfs_probe_start[];
extern const char _binary_rootfs_probe_end[];
}

namespace vitrine::rootfs {

namespace {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

std::string join(const Words& words, const char* before) {
    std::string text;
    for (const std::string& word : words)
        text += concat(" ", before, word);
    return text;
}

void refuse_unfit(const Json& json, const std::string& executable) {
    const std::string minor = json.at("minor");
    if (!is_supported(minor)) {
        throw UsageError(
            concat("'", executable, "' is Python ", minor, ", not ", kSupportedVersions),
            "name an interpreter of such a version with --python");
    }
    const std::string library = json.at("libpython");
    if (!is_shared_object(library)) {
        throw UsageError(concat("'", executable, "' has no shared libpython at '", library, "'"),
                         "Vitrine embeds Python: it needs one built with --enable-shared");
    }
    if (const Words missing = json.at("missing"); !missing.empty()) {
        throw UsageError(concat("'", executable, "' has no distribution", join(missing, "")),
                         concat("install it where that Python finds it: apt-get install",
                                join(missing, "python3-")));
    }
    if (const Words editable = json.at("editable"); !editable.empty()) {
        throw UsageError(concat("installed in editable mode:", join(editable, "")),
                         "its files are not where its metadata is: install it without -e");
    }
}

}  // namespace

Probe ask(const ProbeRequest& request) {
    Words arguments{request.environment};
    arguments.insert(arguments.end(), request.distributions.begin(), request.distributions.end());
    const Json json = Json::parse(run_python(
        request.executable, {_binary_rootfs_probe_start, _binary_rootfs_probe_end}, arguments));
    refuse_unfit(json, request.executable);
    Probe probe{.version = json.at("version"),
                .soabi = json.at("soabi"),
                .libpython = json.at("libpython"),
                .stdlib = json.at("stdlib"),
                .dynload = json.at("dynload"),
                .sites = json.at("sites"),
                .parts = {},
                .prefixes = json.at("prefixes"),
                .distributions = {}};
    for (const Json& entry : json.at("distributions")) {
        probe.distributions.push_back({entry.at("name"), entry.at("version")});
        for (const Json& part : entry.at("parts"))
            probe.parts.push_back(part);
    }
    return probe;
}

std::string path_in_tree(const Probe& probe, const std::string& host_path) {
    for (const std::string& prefix : probe.prefixes) {
        if (host_path.starts_with(prefix + "/")) return "/usr" + host_path.substr(prefix.size());
    }
    return host_path;
}

}  // namespace vitrine::rootfs
