// Real results against the published schema, by a validator that is not ours.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

/// What jsonschema has to say; empty when the object is valid.
std::string complaints(const Scratch& scratch, const std::string& json) {
    const std::string script = scratch.write("validate.py", R"(
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
for error in jsonschema.Draft7Validator(schema).iter_errors(json.load(open(sys.argv[2]))):
    print("/".join(map(str, error.absolute_path)), error.message)
)");
    const std::string result = scratch.write("result.json", json);
    const std::string output = scratch.path() + "/complaints";
    const std::string command =
        concat(VITRINE_PYTHON, " ", script, " " VITRINE_SOURCE_ROOT "/docs/result.schema.json ",
               result, " > ", output, " 2>&1");
    (void)std::system(command.c_str());  // NOLINT(cert-env33-c): a fixed command.
    std::string text;
    FILE* file = std::fopen(output.c_str(), "r");
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file))
        text.push_back(static_cast<char>(c));
    std::fclose(file);
    return text;
}

TEST(Schema, EveryKindOfResultKeepsToIt) {
    const Scratch scratch;
    const std::vector<std::vector<std::string>> calls{
        {"-c", "print('x')"},
        {"-c", "import vitrine; vitrine.result([1, float('nan')])"},
        {"-c", "raise ValueError('x')"},
        {"-c", "import os"},
        {"-c", "def f(:"},
        {"--timeout", "100ms", "-c", "while True: pass"},
        {"--cpu-time", "100ms", "-c", "while True: pass"},
        {"--max-output", "1k:kill", "-c", "while True: print('x' * 100)"},
        {"--max-output", "1k", "-c", "for i in range(1000): print(i)"},
        {"--no-validate", "-c", "import os; os.kill(os.getpid(), 11)"},
        {"--no-validate", "-c", "import sys; sys.stdout.buffer.write(bytes(range(256)))"},
        {"--no-validate", "--explain-denied", "-c",
         "import ctypes\ncall = ctypes.CDLL(None).syscall\nfor n in range(1000, 1100): call(n)"},
        {"--memory", "nonsense", "-c", "1"},
        {"--policy", "nonesuch", "-c", "1"},
        {"--rootfs", "/nonexistent", "-c", "1"},
        {"/nonexistent.py"},
    };
    for (const auto& call : calls) {
        std::vector<std::string> words{"run", "--result", "-"};
        words.insert(words.end(), call.begin(), call.end());
        const Answer answer = run_vitrine({.arguments = words});
        EXPECT_EQ(complaints(scratch, answer.out), "") << call.back() << "\n" << answer.out;
    }
}

TEST(Schema, WouldNoticeWhatDoesNotFit) {
    const Scratch scratch;
    auto result = run_code("1", {"--result", "-"}).result();
    result["status"] = "fine";
    result.erase("usage");
    const std::string text = complaints(scratch, result.dump());
    EXPECT_NE(text.find("'usage' is a required property"), std::string::npos) << text;
    EXPECT_NE(text.find("status"), std::string::npos);
}

}  // namespace
}  // namespace vitrine::test
