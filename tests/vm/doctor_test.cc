// Switches of the whole host, turned for real: run as root in the machine that tools/test-vm boots.
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using Json = nlohmann::json;

/// A switch below /proc/sys, turned back at the end.
class Switch {
  public:
    Switch(std::string path, std::string_view value) : path_("/proc/sys/" + std::move(path)) {
        before_ = read_file(path_, 64);
        write_kernel_file(path_, value);
    }
    ~Switch() { write_kernel_file(path_, before_); }
    Switch(const Switch&) = delete;
    Switch& operator=(const Switch&) = delete;

  private:
    std::string path_;
    std::string before_;
};

std::vector<std::string> as_user() {
    return {"/usr/bin/setpriv", "--reuid=61234", "--regid=61234", "--clear-groups"};
}

/// `verdict cause` of what the caller is told of `name`.
std::string told(std::vector<std::string> caller, const std::string& name, Answer& answer) {
    caller.insert(caller.end(), {vitrine_path(), "doctor", "--json"});
    const std::string program = caller.front();
    caller.erase(caller.begin());
    answer = run_program(program, {.arguments = std::move(caller)});
    const Json said = answer.result();
    for (const Json& check : said["checks"]) {
        if (check["name"] != name) continue;
        const Json& cause = check["cause"];
        return concat(check["verdict"].get<std::string>(), " ",
                      cause.is_null() ? "" : cause.get<std::string>());
    }
    return "not tried";
}

TEST(HostSwitches, AreOnToBeginWith) {
    Answer answer;
    EXPECT_EQ(told(as_user(), "user-namespaces", answer), "pass ") << answer.out << answer.err;
}

TEST(HostSwitches, NoUserNamespacesForAnybody) {
    const Switch off("user/max_user_namespaces", "0");
    Answer answer;
    EXPECT_EQ(told(as_user(), "user-namespaces", answer), "fail userns-limit")
        << answer.out << answer.err;
    EXPECT_EQ(answer.exit_code, 1);
    EXPECT_EQ(result_of("pass")["error"]["cause"], "userns-limit");
}

/// A switch of Debian's kernels. Root is as helpless: its sandboxes' parts have no privilege.
TEST(HostSwitches, NoUserNamespacesWithoutPrivilege) {
    const Switch off("kernel/unprivileged_userns_clone", "0");
    Answer answer;
    EXPECT_EQ(told(as_user(), "user-namespaces", answer), "fail userns-off")
        << answer.out << answer.err;
    EXPECT_EQ(answer.exit_code, 1);
    EXPECT_EQ(told({}, "user-namespaces", answer), "pass ") << answer.out << answer.err;
    EXPECT_EQ(told({}, "namespaces", answer), "fail userns-off") << answer.out << answer.err;
    EXPECT_EQ(result_of("pass")["error"]["cause"], "userns-off");
}

}  // namespace
}  // namespace vitrine::test
