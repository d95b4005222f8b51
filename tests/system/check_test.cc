// The verb `check` as its users call it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

Answer check(std::vector<std::string> words, const std::string& input = {}) {
    words.insert(words.begin(), "check");
    return run_vitrine({.arguments = words, .input = input});
}

/// What jsonschema has to say of `json` under `schema`; empty when it is valid.
std::string complaints(const Scratch& scratch, const std::string& schema, const std::string& json) {
    const std::string script = scratch.write("validate.py", R"(
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
for error in jsonschema.Draft7Validator(schema).iter_errors(json.load(open(sys.argv[2]))):
    print("/".join(map(str, error.absolute_path)), error.message)
)");
    const std::string output = scratch.path() + "/complaints";
    const std::string command = concat(VITRINE_PYTHON, " ", script, " " VITRINE_SOURCE_ROOT "/",
                                       schema, " ", json, " > ", output, " 2>&1");
    (void)std::system(command.c_str());  // NOLINT(cert-env33-c): a fixed command.
    std::ifstream file(output);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Check, ShowsEveryFindingWithItsLineAndACaret) {
    const Answer answer = check({"-"}, "import os\nx = [eval('1')]\n");
    EXPECT_EQ(answer.exit_code, 126);
    EXPECT_NE(answer.out.find("<stdin>:1:8: error: VT101 import-not-allowed: "), std::string::npos)
        << answer.out;
    EXPECT_NE(answer.out.find("    x = [eval('1')]\n         ^\n"), std::string::npos)
        << answer.out;
    EXPECT_NE(answer.out.find("hint: "), std::string::npos);
}

TEST(Check, SaysNothingOfACleanProgram) {
    const Answer answer = check({"-"}, "print('import os')\n");
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_EQ(answer.out, "");
}

/// Classes of many bases each, down many levels: which attributes the last one's pattern reads by
/// position takes longer to find out than anybody waits.
std::string source_that_takes_for_ever() {
    std::string source = "class A0: pass\n";
    for (int level = 1; level <= 8; ++level) {
        source += concat("class A", level, "(");
        for (int base = 0; base < 16; ++base)
            source += concat("A", level - 1, ", ");
        source += "): pass\n";
    }
    return source + "match 1:\n    case A8(x):\n        pass\n";
}

TEST(Check, AnswersForTheOthersWhenOneFileEndsTheSandbox) {
    const Scratch scratch;
    const Answer answer = check({scratch.write("before.py", "import os\n"),
                                 scratch.write("endless.py", source_that_takes_for_ever()),
                                 scratch.write("clean.py", "import math\nprint(math.pi)\n"),
                                 scratch.write("after.py", "eval('1')\n")});
    EXPECT_EQ(answer.exit_code, 126);
    EXPECT_NE(answer.out.find("before.py:1:8: error: VT101"), std::string::npos) << answer.out;
    EXPECT_NE(answer.out.find("endless.py: error: VT503 not-checked: checking it took more than "
                              "ten seconds"),
              std::string::npos)
        << answer.out;
    EXPECT_EQ(answer.out.find("clean.py"), std::string::npos) << answer.out;
    EXPECT_NE(answer.out.find("after.py:1:1: error: VT201"), std::string::npos) << answer.out;
    EXPECT_NE(answer.err.find("checked 4 files"), std::string::npos) << answer.err;
}

TEST(Check, JudgesManyFilesApart) {
    const Scratch scratch;
    std::vector<std::string> words{"--format", "json"};
    for (int i = 0; i < 30; ++i) {
        words.push_back(
            scratch.write(concat("p", i, ".py"), i % 3 == 0 ? "import os\n" : "import math\n"));
    }
    const Answer answer = check(words);
    EXPECT_EQ(answer.exit_code, 126);
    const auto json = nlohmann::json::parse(answer.out);
    EXPECT_EQ(json["findings"].size(), 10U);
    ASSERT_EQ(json["files"].size(), 30U);
    for (std::size_t i = 0; i < 30; ++i)
        EXPECT_EQ(json["files"][i]["accepted"].get<bool>(), i % 3 != 0) << i;
}

TEST(Check, HostileSourcesEndInFindings) {
    const Scratch scratch;
    const std::vector<std::string> sources{
        std::string(100000, '('),
        "x = " + std::string(100000, '-') + "1",
        "x = " + std::string(10000, '9'),
        "x = 1\0",
        std::string("x = '\0'", 7),
        "# coding: utf-7\n",
        std::string(3U << 20U, 'a'),
        "f'" + std::string(5001, '{') + "'",
        "x = " + std::string(3000, '[') + std::string(3000, ']'),
    };
    std::vector<std::string> words{"--format", "json"};
    for (std::size_t i = 0; i < sources.size(); ++i)
        words.push_back(scratch.write(concat("h", i, ".py"), sources[i]));
    words.push_back(scratch.write("last.py", "print(1)\n"));
    const auto json = nlohmann::json::parse(check(words).out);
    ASSERT_EQ(json["files"].size(), sources.size() + 1);
    EXPECT_TRUE(json["files"].back()["accepted"].get<bool>()) << "the rest was not gone on with";
    for (const std::size_t i : {0, 1, 4, 5, 6, 7, 8})
        EXPECT_FALSE(json["files"][i]["accepted"].get<bool>()) << i;
}

TEST(Check, AFileThatIsNotThereIsSaidSo) {
    EXPECT_EQ(check({"/nonexistent.py"}).exit_code, 127);
    EXPECT_EQ(check({}).exit_code, 125);
    EXPECT_EQ(check({"--format", "xml", "-"}).exit_code, 125);
    EXPECT_EQ(check({"--policy", "nonesuch", "-"}, "1").exit_code, 125);
}

TEST(Check, SpeaksSarif) {
    const Scratch scratch;
    const Answer answer =
        check({"--format", "sarif", "-"}, "import os\nprint('\u202e')\ndef f(x: 'g()'): pass\n");
    const std::string path = scratch.write("findings.sarif", answer.out);
    EXPECT_EQ(complaints(scratch, "tests/data/sarif/sarif-subset.schema.json", path), "");
    const auto json = nlohmann::json::parse(answer.out);
    EXPECT_EQ(json["runs"][0]["results"].size(), 3U);
    EXPECT_EQ(json["runs"][0]["results"][1]["ruleId"], "VT101");
    // The schema does notice what does not fit.
    auto broken = json;
    broken["runs"][0]["results"][0].erase("message");
    broken["version"] = "2.0";
    const std::string broken_path = scratch.write("broken.sarif", broken.dump());
    EXPECT_NE(complaints(scratch, "tests/data/sarif/sarif-subset.schema.json", broken_path), "");
}

TEST(PolicyFiles, KeepToTheirSchema) {
    const Scratch scratch;
    for (const char* name : {"strategy", "algorithms"}) {
        EXPECT_EQ(complaints(scratch, "docs/policy.schema.json",
                             concat(VITRINE_SOURCE_ROOT "/profiles/policy/", name, ".json")),
                  "")
            << name;
    }
    const std::string odd = scratch.write("odd.json", R"({"modules": {"os": 1}, "x": 2})");
    EXPECT_NE(complaints(scratch, "docs/policy.schema.json", odd), "");
}

TEST(Guard, TakesAwayWhatTheValidatorWouldHaveRefused) {
    // A policy whose validator lets the name through: the guard alone stands.
    const Scratch scratch;
    const std::string policy =
        scratch.write("lax.json", R"({"extends": "strategy", "own_attributes": "x",
                                      "usable_privates": "+_os"})");
    const auto facade = result_of(
        "import random\nprint(random.random() < 1)\n"
        "print(hasattr(random.choice, 'real'))",
        {"--policy", policy});
    EXPECT_EQ(facade["exit_code"], 0) << facade;
    const std::string reach = scratch.write(
        "reach.json", R"({"extends": "strategy", "usable_dunders": "+__globals__ +__builtins__"})");
    const std::string code =
        "def f():\n    pass\n"
        "g = f.__globals__\n"
        "print('open' in f.__builtins__, 'print' in f.__builtins__)\n"
        "import random\n"
        "print(hasattr(g['random'], 'choice'), [n for n in g['random'].__name__])\n"
        "try:\n    f.__builtins__['__import__']('os')\nexcept ImportError as e:\n    print(e)\n";
    const auto result = result_of(code, {"--policy", reach});
    const std::string out = result["stdout"]["text"];
    EXPECT_NE(out.find("False True"), std::string::npos) << result;
    EXPECT_NE(out.find("does not allow 'os'"), std::string::npos) << result;
    const auto unguarded = result_unvalidated(code);
    EXPECT_NE(unguarded["stdout"]["text"].get<std::string>().find("True True"), std::string::npos)
        << unguarded;
}

}  // namespace
}  // namespace vitrine::test
