#include "cli/run_flags.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/units.h"
#include "cli/suggest.h"
#include "runtime/job_check.h"

namespace vitrine::cli {

namespace {

constexpr std::size_t kMaxEnvironmentFile = std::size_t{1} << 20;
constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
constexpr std::size_t kMaxJobId = 64;

const std::array<std::string, 2> kTmpfsOptions{"size", "nr_inodes"};

std::pair<std::string, std::string> split(const std::string& text, char separator) {
    const std::size_t at = text.find(separator);
    if (at == std::string::npos) return {text, {}};
    return {text.substr(0, at), text.substr(at + 1)};
}

std::vector<std::string> split_list(const std::string& text) {
    std::vector<std::string> items;
    std::istringstream stream(text);
    for (std::string item; std::getline(stream, item, ',');)
        items.push_back(item);
    return items;
}

}  // namespace

void add_variable(Environment& environment, const std::string& text) {
    const auto [name, value] = split(text, '=');
    if (name.empty()) {
        throw UsageError(concat("'", text, "' names no environment variable"),
                         "use -e NAME=VALUE, or -e NAME for the caller's value");
    }
    if (text.size() > name.size()) {
        environment.emplace_back(name, value);
    } else if (const char* inherited = std::getenv(name.c_str()); inherited != nullptr) {
        environment.emplace_back(name, inherited);
    }
}

void add_variables_from(Environment& environment, const std::string& path) {
    std::istringstream lines(read_file(path, kMaxEnvironmentFile));
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (line.ends_with('\r')) line.pop_back();
        line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.empty() || line.front() == '#') continue;
        with_context(concat("'", path, "' line ", number),
                     [&] { add_variable(environment, line); });
    }
}

void set_user(Job& job, const std::string& text) {
    const auto [user, group] = split(text, ':');
    if (user == "0" || group == "0") {
        throw UsageError("a job cannot be uid or gid 0",
                         "it would have no privilege anyway; use another number, such as 1000");
    }
    job.uid = static_cast<std::uint32_t>(parse_integer(user, 1, runtime::kMaxId));
    job.gid = group.empty() ? job.uid
                            : static_cast<std::uint32_t>(parse_integer(group, 1, runtime::kMaxId));
}

void set_tmpfs(Limits& limits, const std::string& text) {
    const auto [path, options] = split(text, ':');
    if (path != "/tmp") {
        throw UsageError(concat("'", path, "' cannot be a tmpfs: only /tmp is writable"),
                         "use --tmpfs /tmp:size=64m");
    }
    for (const std::string& option : split_list(options)) {
        const auto [key, value] = split(option, '=');
        if (key == "size") {
            limits.tmpfs_bytes = parse_bytes(value);
        } else if (key == "nr_inodes") {
            limits.tmpfs_inodes = parse_bytes(value);
        } else {
            const std::string near = nearest(key, kTmpfsOptions);
            throw UsageError(concat("unknown tmpfs option '", key, "'"),
                             near.empty() ? "the options are size and nr_inodes"
                                          : concat("did you mean '", near, "'?"));
        }
    }
}

void set_max_output(Limits& limits, const std::string& text) {
    const auto [size, action] = split(text, ':');
    limits.max_output_bytes = parse_bytes(size);
    if (action == "kill") {
        limits.output_overflow = OutputOverflow::kKill;
    } else if (text.size() > size.size()) {
        throw UsageError(concat("unknown action '", action, "'"), "use SIZE or SIZE:kill");
    }
}

void set_output_keep(Limits& limits, const std::string& text) {
    constexpr std::array<std::pair<std::string_view, OutputKeep>, 3> kParts{
        {{"head", OutputKeep::kHead}, {"tail", OutputKeep::kTail}, {"both", OutputKeep::kBoth}}};
    const auto* part = std::ranges::find(kParts, text, &decltype(kParts)::value_type::first);
    if (part == kParts.end()) {
        throw UsageError(concat("unknown part '", text, "'"), "use head, tail or both");
    }
    limits.output_keep = part->second;
}

void add_device_limit(Limits& limits, const char* kind, const std::string& text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) {
        throw UsageError(concat("'", text, "' is not a device with a rate"),
                         "the form is DEVICE:RATE, such as /dev/sda:1m");
    }
    const std::string path = text.substr(0, colon);
    struct stat info{};
    check(::stat(path.c_str(), &info), concat("looking at '", path, "'"), "stat");
    if (!S_ISBLK(info.st_mode)) {
        throw UsageError(concat("'", path, "' is no block device"), "'lsblk -p' lists them");
    }
    limits.devices.push_back({.major = gnu_dev_major(info.st_rdev),
                              .minor = gnu_dev_minor(info.st_rdev),
                              .kind = kind,
                              .per_second = parse_bytes(text.substr(colon + 1))});
}

void set_memory_swap(Limits& limits, const std::string& text) {
    if (text == "-1") {
        limits.swap_bytes = kNoLimit;
        return;
    }
    const std::uint64_t total = parse_bytes(text);
    if (total < limits.memory_bytes) {
        throw UsageError(concat("'", text, "' is less than --memory"),
                         "--memory-swap is memory and swap together, as docker has it");
    }
    limits.swap_bytes = total - limits.memory_bytes;
}

std::string parse_security_option(const std::string& text) {
    const auto [key, value] = split(text, '=');
    if (key != "seccomp" || value.empty()) {
        throw UsageError(concat("unknown security option '", text, "'"),
                         "use --security-opt seccomp=NAME or seccomp=FILE");
    }
    return value;
}

std::vector<std::string> parse_layers(const std::string& text) {
    std::vector<std::string> layers = split_list(text);
    const std::vector<std::string> known(std::begin(runtime::kLayers), std::end(runtime::kLayers));
    for (const std::string& layer : layers) {
        if (std::ranges::find(known, layer) != known.end()) continue;
        const std::string near = nearest(layer, known);
        throw UsageError(concat("unknown layer '", layer, "'"),
                         near.empty() ? "the layers are cgroup, landlock, groups, memfd_noexec"
                                      : concat("did you mean '", near, "'?"));
    }
    return layers;
}

double parse_cpus(const std::string& text) {
    const double cpus = parse_positive_number(text);
    if (cpus > runtime::kMaxCpus) {
        throw UsageError(concat("'", text, "' is more than any machine has"),
                         "use a number such as 0.5 or 4");
    }
    return cpus;
}

std::string checked_id(const std::string& text) {
    const auto is_fit = [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
    };
    if (text.empty() || text.size() > kMaxJobId || !std::ranges::all_of(text, is_fit)) {
        throw UsageError(concat("'", text, "' is not an id"),
                         "use up to 64 letters, digits, dots, underscores and hyphens");
    }
    return text;
}

void check_arguments_json(const std::string& text) {
    const auto value = nlohmann::json::parse(text, nullptr, false);
    if (!value.is_array() && !value.is_object()) {
        throw UsageError("--args is not a JSON array or object",
                         R"(use --args '[1, "two"]' for positional arguments, )"
                         R"(or --args '{"name": 3}' for keywords)");
    }
}

}  // namespace vitrine::cli
