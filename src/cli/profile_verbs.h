// The verbs below `vitrine profile`, one file each, and what they share.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "seccomp/fate.h"
#include "seccomp/resolve.h"

namespace vitrine::cli {

using Json = nlohmann::ordered_json;

/// What was asked for: flags resolved, profiles not yet read.
struct ProfileRequest {
    std::vector<std::string> words;  ///< Profiles, or a call and its arguments.
    std::string profile;             ///< Of `explain`, which has other words.
    seccomp::HostFacts host;
    std::string output;
    bool is_effective = false;
    bool is_json = false;
};

/// Each prints to stdout and returns the exit code. Throws Error.
int show_profile(const ProfileRequest& request);
int count_profiles(const ProfileRequest& request);
int diff_profiles(const ProfileRequest& request);
int check_profiles(const ProfileRequest& request);
int compile_profile(const ProfileRequest& request);
int explain_call(const ProfileRequest& request);
/// Of the words behind `trace`, which takes the flags of `run`.
int trace_profile(std::span<const std::string> words);

/// The parts of `A+B+…`, read.
std::vector<seccomp::ProfilePart> read_profile(const std::string& name);
/// The same, ready to be asked.
std::vector<seccomp::Study> study_profile(const std::string& name, const seccomp::HostFacts& host);

void print(std::string_view text);
void print_json(const Json& json);
/// `text` and blanks up to `width`; at least one.
std::string padded(std::string_view text, std::size_t width);

/// `allow if arg0 == 1, else errno 1 (EPERM)`
std::string describe_fate(const seccomp::Fate& fate);
Json to_json(const seccomp::Fate& fate, const std::string& profile);
/// `{"architecture", "kernel", "capabilities"}` that the answer is for.
Json to_json(const seccomp::HostFacts& host);

}  // namespace vitrine::cli
