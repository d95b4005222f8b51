// `vitrine selftest`: on this host every layer holds; and it can fail.
#include <gtest/gtest.h>

#include <set>

#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using Json = nlohmann::json;

TEST(Selftest, FindsThatEveryLayerHoldsHere) {
    const Answer answer =
        run_vitrine({.arguments = {"selftest", "--json"}, .patience = std::chrono::seconds(120)});
    EXPECT_EQ(answer.exit_code, 0) << answer.out << answer.err;
    const Json json = answer.result();
    EXPECT_EQ(json["schema"], "vitrine.selftest.v1");
    EXPECT_EQ(json["ok"], true);
    std::set<std::string> layers;
    for (const Json& trial : json["trials"]) {
        layers.insert(trial["layer"]);
        const bool is_absent = trial["verdict"] == "absent";
        EXPECT_TRUE(!is_absent || trial["layer"] == "landlock") << trial;
        EXPECT_EQ(trial["attack"]["ok"], !is_absent) << trial;
        EXPECT_EQ(trial["control"]["ok"], !is_absent) << trial;
    }
    EXPECT_EQ(layers,
              (std::set<std::string>{"validator", "network", "filesystem", "seccomp", "limits",
                                     "identity", "landlock", "no_new_privs", "exec doors"}));
}

TEST(Selftest, EndsWithATableForPeople) {
    const Answer answer =
        run_vitrine({.arguments = {"selftest"}, .patience = std::chrono::seconds(120)});
    EXPECT_EQ(answer.exit_code, 0) << answer.out << answer.err;
    EXPECT_NE(answer.out.find("HOLDS   network"), std::string::npos) << answer.out;
    EXPECT_EQ(answer.out.find("BAD"), std::string::npos) << answer.out;
    EXPECT_NE(answer.out.find("Every layer that this host has holds."), std::string::npos);
}

/// Where nothing runs, nothing is proven: a control that fails is a failure.
TEST(Selftest, FailsWhereItsControlsDo) {
    const Answer answer =
        run_vitrine({.arguments = {"selftest", "--json", "--rootfs", "/nowhere"}});
    EXPECT_EQ(answer.exit_code, 1) << answer.out;
    const Json json = answer.result();
    EXPECT_EQ(json["ok"], false);
    EXPECT_EQ(json["trials"][0]["verdict"], "broken");
    EXPECT_EQ(json["trials"][0]["attack"]["ok"], false);  // Refused for another reason.
}

}  // namespace
}  // namespace vitrine::test
