#include "cli/selftest.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fd.h"
#include "cli/host_flags.h"
#include "doctor/selftest.h"

namespace vitrine::cli {

namespace {

using doctor::Half;
using doctor::Trial;
using Json = nlohmann::ordered_json;

constexpr const char* kExamples = R"(Examples:
  vitrine selftest
  vitrine selftest --rootfs scientific
  vitrine selftest --json | jq .ok

Every layer is attacked, with those above it off, by a program that comes with Vitrine. Behind each
attack stands its twin, which differs from it in one thing and must work: else the attack proves
nothing. Takes seconds. Why programs do not run at all: 'vitrine doctor'.
Exit codes: 0 every layer holds; 1 one does not; 125 wrong usage.)";

constexpr HostVerb kVerb{
    .name = "selftest",
    .about = "Attacks every layer of the sandbox on this host, and says whether it holds.",
    .rootfs_help = "The rootfs to run in [the default one]",
    .examples = kExamples};

bool is_broken(const Trial& trial) {
    return !trial.holds();
}

const char* word_for(const Trial& trial) {
    if (!trial.absent.empty()) return "absent";
    return trial.holds() ? "holds" : "broken";
}

Json half_json(const Half& half) {
    return {{"title", half.title}, {"ok", half.is_as_it_must_be}, {"seen", half.seen}};
}

std::string render_json(const std::vector<Trial>& trials) {
    Json list = Json::array();
    for (const Trial& trial : trials) {
        list.push_back({{"layer", trial.layer},
                        {"verdict", word_for(trial)},
                        {"attack", half_json(trial.attack)},
                        {"control", half_json(trial.control)},
                        {"ms", trial.milliseconds}});
    }
    const Json json{{"schema", "vitrine.selftest.v1"},
                    {"ok", std::ranges::none_of(trials, is_broken)},
                    {"trials", list}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string padded(std::string text, std::size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    return text;
}

std::string render_half(const char* word, const Half& half) {
    return concat("  ", word, "  ", padded(half.title, 62),
                  half.is_as_it_must_be ? "  ok   " : "  BAD  ", half.seen, "\n");
}

std::string render_trial(const Trial& trial) {
    if (!trial.absent.empty()) {
        return concat("ABSENT  ", padded(trial.layer, 14), trial.absent, "\n");
    }
    return concat(trial.holds() ? "HOLDS   " : "BROKEN  ", padded(trial.layer, 14),
                  trial.milliseconds, " ms\n", render_half("attack ", trial.attack),
                  render_half("control", trial.control));
}

std::string render_text(const std::vector<Trial>& trials) {
    std::string text;
    for (const Trial& trial : trials)
        text += render_trial(trial);
    const auto broken = std::ranges::count_if(trials, is_broken);
    if (broken == 0) return text + "\nEvery layer that this host has holds.\n";
    return text + concat("\n", broken, " of ", trials.size(), " trials did not end as they must. ",
                         "Do not run untrusted programs here; 'vitrine doctor' may say why.\n");
}

int run_selftest(const HostFlags& flags) {
    const auto trials =
        doctor::try_every_layer({.rootfs = flags.rootfs, .profiles = flags.profiles});
    write_all(STDOUT_FILENO, flags.is_json ? render_json(trials) : render_text(trials));
    return std::ranges::none_of(trials, is_broken) ? 0 : 1;
}

}  // namespace

int selftest_command(std::span<const std::string> words) {
    HostFlags flags;
    return parse_host_flags(kVerb, words, flags) ? run_selftest(flags) : 0;
}

}  // namespace vitrine::cli
