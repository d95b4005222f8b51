#include "cli/profile.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "base/error.h"
#include "base/fd.h"
#include "cli/profile_verbs.h"
#include "cli/suggest.h"
#include "seccomp/arch.h"

namespace vitrine::cli {

namespace {

constexpr const char* kDefaultProfile = "docker-default+hardened";

constexpr const char* kProfileHelp =
    R"(A profile is a built-in name (docker-default, hardened, python-strict), a file in Docker's or the
OCI's form (with a '/' in its name), or several joined by '+', of which the strictest decides.
Answers are for a job on this host, which holds no capability, unless flags say otherwise.)";

/// One verb: `extra` says which words it takes.
struct ProfileVerb {
    const char* name;
    const char* description;
    const char* words_name;
    const char* words_help;
    int fewest_words;
    int most_words;
    int (*run)(const ProfileRequest&);
    const char* examples;
};

constexpr int kAnyNumber = 1000;
/// The verb that is parsed elsewhere: it runs programs, and takes the flags of `run`.
constexpr const char* kTrace = "trace";

constexpr auto kVerbs = std::to_array<ProfileVerb>({
    {"show", "Show the rules and why each counts, or what each call gets", "[PROFILE]",
     "Profile [docker-default+hardened]", 0, 1, &show_profile, R"(Examples:
  vitrine profile show
  vitrine profile show --effective docker-default+hardened
  vitrine profile show --effective --arch aarch64 --json ./mine.json)"},
    {"stats", "Count lines, groups, names and architectures", "[PROFILE...]",
     "Profiles [docker-default+hardened]", 0, kAnyNumber, &count_profiles, R"(Examples:
  vitrine profile stats docker-default
  vitrine profile stats --json ./mine.json)"},
    {"diff", "Show which calls B treats otherwise than A", "A B", "The two profiles", 2, 2,
     &diff_profiles, R"(Examples:
  vitrine profile diff docker-default docker-default+hardened
  vitrine profile diff --json ./old.json ./new.json)"},
    {"check", "Look for mistakes; exit 1 when there are any", "PROFILE...", "Profiles", 1,
     kAnyNumber, &check_profiles, R"(Examples:
  vitrine profile check ./mine.json
  vitrine profile check --json docker-default+./mine.json)"},
    {"compile", "Write the program that is installed", "[PROFILE]",
     "Profile [docker-default+hardened]", 0, 1, &compile_profile, R"(Examples:
  vitrine profile compile -o prog.bpf
  vitrine profile compile --arch aarch64 -o prog.bpf docker-default
  bwrap --ro-bind / / --seccomp 9 9<prog.bpf true

The file holds plain 'struct sock_filter', in the byte order of this machine.)"},
    {"explain", "Say what happens to a call, and which rule says so", "SYSCALL [ARGS]",
     "A call by name or number, and up to six arguments: 38, 0x1f, -1", 1, 7, &explain_call,
     R"(Examples:
  vitrine profile explain mount
  vitrine profile explain socket 38
  vitrine profile explain --profile ./mine.json --cap CAP_SYS_ADMIN clone 0x10000000)"},
});

class ProfileHelp : public CLI::Formatter {
  public:
    explicit ProfileHelp(std::string usage) : usage_(std::move(usage)) {}
    std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override {
        return usage_;
    }
    std::string make_positionals(const CLI::App* /*app*/) const override { return {}; }

  private:
    std::string usage_;
};

/// The flags as they are written.
struct RawProfileFlags {
    std::string arch, kernel;
    std::vector<std::string> capabilities;
    bool compat_arch = false;
    ProfileRequest request;
};

void add_flags(CLI::App& verb, RawProfileFlags& flags, const ProfileVerb& what) {
    verb.add_option("words", flags.request.words, what.words_help)
        ->option_text(" ")
        ->expected(what.fewest_words, what.most_words);
    const std::string name = what.name;
    if (name == "explain") {
        verb.add_option("--profile", flags.request.profile,
                        "Profile to ask [docker-default+hardened]")
            ->type_name("PROFILE");
    }
    if (name == "compile") {
        verb.add_option("-o,--output", flags.request.output, "File to write; '-' is stdout")
            ->type_name("FILE")
            ->required();
    }
    if (name == "show") {
        verb.add_flag("--effective", flags.request.is_effective,
                      "What each call gets, instead of the rules");
    }
    if (name != "compile") verb.add_flag("--json", flags.request.is_json, "For programs");
    if (name != "stats") {
        verb.add_option("--arch", flags.arch, "For another architecture: x86_64, aarch64, ...")
            ->type_name("ARCH");
        verb.add_option("--kernel", flags.kernel, "For another kernel: 5.10")->type_name("X.Y");
        verb.add_option("--cap", flags.capabilities,
                        "For a process that holds a capability; may be repeated")
            ->type_name("CAP_...")
            ->expected(1)
            ->allow_extra_args(false)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        verb.add_flag("--compat-arch", flags.compat_arch,
                      "With the sub-architectures that the profile names");
    }
    verb.formatter(std::make_shared<ProfileHelp>(
        concat("Usage: vitrine profile ", what.name, " [FLAGS] ", what.words_name, "\n\n",
               what.words_name, ": ", what.words_help, "\n")));
    verb.footer(concat(kProfileHelp, "\n\n", what.examples));
}

const seccomp::Architecture& parse_arch(const std::string& text) {
    if (const seccomp::Architecture* found = seccomp::find_architecture(text)) return *found;
    std::vector<std::string> names;
    for (const seccomp::Architecture& arch : seccomp::architectures())
        names.emplace_back(arch.short_name);
    const std::string near = nearest(text, names);
    throw UsageError(concat("--arch: unknown architecture '", text, "'"),
                     near.empty() ? "such as x86_64, aarch64, riscv64, s390x"
                                  : concat("did you mean '", near, "'?"));
}

seccomp::KernelVersion parse_kernel(const std::string& text) {
    seccomp::KernelVersion version;
    const char* end = text.data() + text.size();
    const auto major = std::from_chars(text.data(), end, version.major);
    if (major.ec == std::errc() && major.ptr != end && *major.ptr == '.') {
        const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
        if (minor.ec == std::errc() && minor.ptr == end) return version;
    }
    throw UsageError(concat("--kernel: '", text, "' is no version such as 5.10"));
}

/// What the flags mean.
ProfileRequest resolve(RawProfileFlags flags) {
    ProfileRequest request = std::move(flags.request);
    request.host = seccomp::host_facts();
    if (!flags.arch.empty()) request.host.arch = &parse_arch(flags.arch);
    if (!flags.kernel.empty()) request.host.kernel = parse_kernel(flags.kernel);
    for (const std::string& name : flags.capabilities) {
        if (!seccomp::is_capability(name)) {
            throw UsageError(concat("--cap: unknown capability '", name, "'"),
                             "such as CAP_SYS_ADMIN; capabilities(7) lists them");
        }
        request.host.capabilities.push_back(name);
    }
    if (flags.compat_arch) request.host.sub_architectures = seccomp::SubArchitectures::kOn;
    if (request.profile.empty()) request.profile = kDefaultProfile;
    if (request.words.empty()) request.words.emplace_back(kDefaultProfile);
    return request;
}

/// A flag nobody knows, or one more word than there is room for.
[[noreturn]] void refuse(const CLI::App& app, const CLI::ParseError& error) {
    const auto parsed = app.get_subcommands();
    const std::string verb = parsed.empty() ? "" : concat(" ", parsed.front()->get_name());
    throw UsageError(error.what(),
                     concat("'vitrine profile", verb, " --help' shows how it is used"));
}

void refuse_unknown_verb(const std::string& word) {
    if (word.starts_with("-")) return;
    std::vector<std::string> names;
    for (const ProfileVerb& verb : kVerbs)
        names.emplace_back(verb.name);
    names.emplace_back(kTrace);
    if (std::ranges::find(names, word) != names.end()) return;
    const std::string near = nearest(word, names);
    throw UsageError(concat("unknown verb '", word, "'"),
                     near.empty() ? "'vitrine profile --help' lists them"
                                  : concat("did you mean '", near, "'?"));
}

/// The words last to first, as CLI11 wants them; `-1`, which would be a flag, as the 64 bits it is.
std::vector<std::string> reversed(std::span<const std::string> words) {
    std::vector<std::string> last_to_first(words.rbegin(), words.rend());
    for (std::string& word : last_to_first) {
        std::int64_t number = 0;
        const char* end = word.data() + word.size();
        const auto parsed = std::from_chars(word.data(), end, number);
        if (word.starts_with("-") && parsed.ec == std::errc() && parsed.ptr == end)
            word = std::to_string(static_cast<std::uint64_t>(number));
    }
    return last_to_first;
}

int parse_and_run(std::span<const std::string> words) {
    CLI::App app("Seccomp profiles: what they say, what they do, and what is wrong with them.",
                 "vitrine profile");
    app.require_subcommand(1);
    app.footer(concat(kProfileHelp, "\n\nExamples:\n  vitrine profile show --effective\n",
                      "  vitrine profile explain socket 38\n",
                      "  vitrine profile check ./mine.json"));
    std::array<RawProfileFlags, kVerbs.size()> flags;
    std::array<CLI::App*, kVerbs.size()> apps{};
    for (std::size_t i = 0; i < kVerbs.size(); ++i) {
        apps.at(i) = app.add_subcommand(kVerbs[i].name, kVerbs[i].description);
        add_flags(*apps.at(i), flags.at(i), kVerbs[i]);
    }
    app.add_subcommand(kTrace, "Run trusted programs and write the smallest profile they need");
    if (!words.empty() && words[0] == kTrace) return trace_profile(words.subspan(1));
    if (!words.empty()) refuse_unknown_verb(words[0]);
    try {
        app.parse(reversed(words));
    } catch (const CLI::CallForHelp&) {
        const auto parsed = app.get_subcommands();
        print(parsed.empty() ? app.help() : parsed.front()->help());
        return 0;
    } catch (const CLI::ParseError& error) {
        refuse(app, error);
    }
    const auto chosen = std::ranges::find_if(apps, [](CLI::App* verb) { return verb->parsed(); });
    const auto index = static_cast<std::size_t>(chosen - apps.begin());
    return kVerbs[index].run(resolve(std::move(flags.at(index))));
}

}  // namespace

int profile_command(std::span<const std::string> words) {
    return parse_and_run(words);
}

}  // namespace vitrine::cli
