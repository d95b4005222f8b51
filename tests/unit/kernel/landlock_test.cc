// The second fence alone: no mount namespace, no filter; the whole host is in reach.
#include "kernel/landlock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "base/fd.h"
#include "support/scratch.h"

namespace vitrine::kernel {
namespace {

/// 0 when `action` succeeded, errno when not.
int outcome(long result) {
    return result < 0 ? errno : 0;
}

int try_open(const std::string& path, int flags) {
    const UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC, 0644));
    return file ? 0 : errno;
}

/// Runs `action` in a child, fenced or not, and returns what it returns.
int in_child(const Fence* fence, const std::function<int()>& action) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        try {
            if (fence != nullptr) (void)fence_filesystem(*fence);
            ::_exit(action());
        } catch (const std::exception&) {
            ::_exit(255);
        }
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class Landlock : public testing::Test {
  protected:
    Landlock() {
        scratch_.write("leaked", "should not be in reach");
        std::filesystem::create_directory(path("readable"));
        std::filesystem::create_directory(path("writable"));
        scratch_.write("readable/file", "x");
        fence_ = {.readable = {path("readable")},
                  .writable = {path("writable")},
                  .devices = {"/dev/null"}};
    }

    std::string path(const std::string& name) const { return scratch_.path() + "/" + name; }

    void expect(const std::function<int()>& action, int fenced, int free = 0) const {
        EXPECT_EQ(in_child(nullptr, action), free);
        EXPECT_EQ(in_child(&fence_, action), fenced);
    }

    test::Scratch scratch_;
    Fence fence_;
};

TEST_F(Landlock, KeepsWhatTheMountsLeakFromBeingRead) {
    expect([&] { return try_open(path("leaked"), O_RDONLY); }, EACCES);
    expect([&] { return try_open(path("readable/file"), O_RDONLY); }, 0);
    expect([&] { return try_open("/etc/passwd", O_RDONLY); }, EACCES);
}

TEST_F(Landlock, KeepsWritesWhereTheyMayBe) {
    expect([&] { return try_open(path("leaked"), O_WRONLY); }, EACCES);
    expect([&] { return try_open(path("readable/file"), O_WRONLY); }, EACCES);
    expect([&] { return try_open(path("new"), O_WRONLY | O_CREAT); }, EACCES);
    expect([&] { return try_open(path("writable/new"), O_WRONLY | O_CREAT); }, 0);
    expect([&] { return outcome(::truncate(path("readable/file").c_str(), 0)); }, EACCES);
    expect([&] { return try_open("/dev/null", O_RDWR); }, 0);
    const auto remove = [&] { return outcome(::unlink(path("leaked").c_str())); };
    EXPECT_EQ(in_child(&fence_, remove), EACCES);
    EXPECT_EQ(in_child(nullptr, remove), 0);
}

TEST_F(Landlock, LetsNothingBeExecuted) {
    const auto execute = [] {
        ::execl("/bin/true", "true", nullptr);
        return errno;
    };
    expect(execute, EACCES);
    fence_.readable.emplace_back("/");
    EXPECT_EQ(in_child(&fence_, execute), EACCES);
}

TEST_F(Landlock, KeepsSignalsAndAbstractSocketsInside) {
    const auto signal_us = [parent = ::getpid()] { return outcome(::kill(parent, 0)); };
    expect(signal_us, EPERM);

    const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string name = concat("vitrine-landlock-", ::getpid());
    name.copy(&address.sun_path[1], name.size());
    const auto size = static_cast<socklen_t>(sizeof(sa_family_t) + 1 + name.size());
    const auto* raw = reinterpret_cast<const sockaddr*>(&address);
    ASSERT_EQ(::bind(listener.get(), raw, size), 0);
    ASSERT_EQ(::listen(listener.get(), 4), 0);
    expect(
        [&] {
            const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
            return outcome(::connect(socket.get(), raw, size));
        },
        EPERM);
}

TEST_F(Landlock, ExecutesWhatItIsToldToAndNothingElse) {
    const auto execute = [](const std::string& program) {
        return [program] {
            const std::array<char*, 2> words{const_cast<char*>(program.c_str()), nullptr};
            ::execv(program.c_str(), words.data());
            return errno;
        };
    };
    // What the rootfs of such a job would be; a program asks for its loader and libraries.
    fence_.readable.insert(fence_.readable.end(), {"/usr", "/lib", "/lib64", "/etc"});
    const std::string copy = path("writable/true");
    std::filesystem::copy_file("/usr/bin/true", copy);
    expect(execute("/usr/bin/true"), EACCES);
    fence_.programs = {"/usr", "/lib", "/lib64"};
    expect(execute("/usr/bin/true"), 0);
    expect(execute(copy), EACCES);
}

}  // namespace
}  // namespace vitrine::kernel
