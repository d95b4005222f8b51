// A program that keeps its memory, or goes on from it, for process_image_test.cc.
//
//   image-program make FILE LABEL        keeps what it has made
//   image-program go FILE LABEL TASK     goes on from FILE and does TASK there; or says why not
//
// What goes on writes with write(2) and leaves with _exit(2): the streams are the maker's.

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "kernel/process_image.h"

extern "C" void* __libc_stack_end;  // NOLINT(bugprone-reserved-identifier)

namespace {

using vitrine::kernel::FormerMemory;
using vitrine::kernel::Misfit;

/// What takes long to make.
struct Made {
    std::map<std::string, int> numbers;
    std::vector<std::string> texts;
    char* secret = nullptr;  ///< In memory that the kernel empties in a fork.
    const char* stack_end = nullptr;
};

struct Asked {
    std::string task;
    const char* secret;
};

void say(const std::string& text) {
    vitrine::write_all(STDOUT_FILENO, text + "\n");
}

[[gnu::noinline]] int descend(int depth) {
    std::array<volatile char, 1024> frame{};
    frame[0] = static_cast<char>(depth);
    return depth == 0 ? 0 : descend(depth - 1) + 1 + (frame[0] - static_cast<char>(depth));
}

std::uint64_t canary() {
    std::uint64_t value = 0;
    __asm__ volatile("mov %%fs:0x28, %0" : "=r"(value));
    return value;
}

void tell_made(const Made& made) {
    say(vitrine::concat(made.numbers.size(), " ", made.numbers.at("500"), " ",
                        made.texts.at(999).size()));
}

/// Many small blocks and a few large ones: the heap grows beyond what was kept.
void grow() {
    std::vector<std::unique_ptr<std::string>> blocks;
    std::size_t total = 0;
    for (int i = 0; i < 100'000; ++i)
        blocks.push_back(std::make_unique<std::string>(100, 'x'));
    for (int i = 0; i < 10; ++i)
        blocks.push_back(std::make_unique<std::string>(std::size_t{4} << 20, 'y'));
    for (const auto& block : blocks)
        total += block->size();
    say(std::to_string(total));
}

/// The C library finds the main thread's stack by where it believes that it began.
bool knows_its_stack() {
    pthread_attr_t attributes{};
    void* low = nullptr;
    std::size_t size = 0;
    const bool is_known = ::pthread_getattr_np(::pthread_self(), &attributes) == 0 &&
                          ::pthread_attr_getstack(&attributes, &low, &size) == 0;
    return is_known && &attributes > low &&
           reinterpret_cast<char*>(&attributes) < static_cast<char*>(low) + size;
}

void use_c_library() {
    int from_thread = 0;
    std::thread([&] { from_thread = 7; }).join();
    std::string caught;
    try {
        throw std::runtime_error("thrown");
    } catch (const std::exception& error) {
        caught = error.what();
    }
    const pid_t child = ::fork();
    if (child == 0) ::_exit(9);
    int status = 0;
    ::waitpid(child, &status, 0);
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const bool is_now = std::abs(now.tv_sec - ::time(nullptr)) <= 1 && now.tv_sec > 1'700'000'000;
    say(vitrine::concat(from_thread, " ", caught, " ", WEXITSTATUS(status), " ",
                        is_now ? "now" : "then", " ", ::sched_getcpu() >= 0 ? "cpu" : "none", " ",
                        ::getauxval(AT_PAGESZ), " ", std::lround(std::exp(1.0)), " ",
                        ::dlopen("libutil.so.1", RTLD_NOW) != nullptr ? "loaded" : "missing", " ",
                        descend(5000), " ", knows_its_stack() ? "on its stack" : "elsewhere"));
}

/// Everything that was there before, the program that went on included, is gone.
void look_back(const char* secret, const FormerMemory& former) {
    const std::vector<unsigned char> before(1);
    const auto is_there = [secret] {
        std::array<int, 2> ends{};
        (void)!::pipe(ends.data());
        const bool is_readable = ::write(ends[1], secret, 1) == 1;
        ::close(ends[0]);
        ::close(ends[1]);
        return is_readable;
    };
    const bool was_there = is_there();
    former.forget();
    const std::string maps = vitrine::read_file("/proc/self/maps", 1 << 20);
    say(vitrine::concat(was_there ? "there" : "absent", " ", is_there() ? "there" : "gone", " ",
                        maps.find("image-program") == std::string::npos ? "unmapped" : maps));
}

bool is_empty(const char* begin, const char* end) {
    return std::all_of(begin, end, [](char byte) { return byte == 0; });
}

/// A random generator's state, say: neither runs nor a run and its fork may have it in common.
void use_secret(char* secret) {
    const bool was_empty = is_empty(secret, secret + 4096);
    *secret = 'o';  // Its own, from here on.
    const pid_t child = ::fork();
    if (child == 0) ::_exit(*secret == 0 ? 0 : 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    say(vitrine::concat(was_empty ? "empty" : "kept", " ", status == 0 ? "empty" : "inherited", " ",
                        *secret == 'o' ? "own" : "lost"));
}

void look_at_makers_stack(const char* end) {
    const auto page = reinterpret_cast<std::uintptr_t>(end) & ~std::uintptr_t{4095};
    const bool has_frames = !is_empty(reinterpret_cast<const char*>(page), end);
    say(vitrine::concat(has_frames ? "frames" : "no frames", " ",
                        is_empty(end, end + sizeof(long)) ? "no arguments" : "arguments"));
}

void tell_stack_of_threads() {
    pthread_attr_t attributes{};
    std::size_t size = 0;
    (void)::pthread_getattr_default_np(&attributes);
    (void)::pthread_attr_getstacksize(&attributes, &size);
    say(std::to_string(size >> 10U));
}

volatile std::sig_atomic_t caught = 0;

void use_signals() {
    ::raise(SIGPIPE);  // Ignored: else this is the end.
    ::raise(SIGUSR1);
    ::raise(SIGUSR1);
    say(std::to_string(caught));
}

void go_on(void* state, void* argument, const FormerMemory& former) noexcept {
    const Made& made = *static_cast<const Made*>(state);
    const Asked& asked = *static_cast<const Asked*>(argument);
    const std::string task = asked.task;
    const char* const secret = asked.secret;
    if (task == "look-back") {
        look_back(secret, former);
        ::_exit(0);
    }
    former.forget();
    if (task == "tell") tell_made(made);
    if (task == "grow") grow();
    if (task == "library") use_c_library();
    if (task == "canary") say(std::to_string(canary()));
    if (task == "signals") use_signals();
    if (task == "secret") use_secret(made.secret);
    if (task == "stack") look_at_makers_stack(made.stack_end);
    if (task == "threads") tell_stack_of_threads();
    ::_exit(0);
}

Made* make() {
    (void)::signal(SIGPIPE, SIG_IGN);
    struct sigaction action{};
    action.sa_handler = [](int) { caught = caught + 1; };
    (void)::sigaction(SIGUSR1, &action, nullptr);
    auto made = std::make_unique<Made>();
    for (int i = 0; i < 1000; ++i) {
        made->numbers[std::to_string(i)] = i * 2;
        made->texts.emplace_back(static_cast<std::size_t>(i), 'a');
    }
    void* const secret =
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (::madvise(secret, 4096, MADV_WIPEONFORK) != 0) return nullptr;
    made->secret = static_cast<char*>(secret);
    *made->secret = 'm';
    made->stack_end = static_cast<const char*>(__libc_stack_end);
    return made.release();  // Not on the stack, and for as long as anything goes on.
}

int keep(const std::string& path, const std::string& label) {
    const vitrine::UniqueFd file = vitrine::open_file(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    std::jthread other;
    if (label == "threaded") other = std::jthread([] { ::sleep(1); });
    vitrine::kernel::write_process_image(file.get(), &go_on, make(), label);
    say("kept");
    return 0;
}

/// Something of this process where the image's first region belongs.
void take_place() {
    (void)::mmap(reinterpret_cast<void*>(0x2aaaaaaab000), 0x100000, PROT_READ,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

int go(const std::string& path, const std::string& label, const std::string& task) {
    const vitrine::UniqueFd file = vitrine::open_file(path, O_RDONLY);
    // Where no image has anything: in a mapping of its own.
    const std::string secret(std::size_t{1} << 20, 's');
    if (task == "taken") take_place();
    Asked asked{.task = task, .secret = secret.data()};
    const Misfit misfit = vitrine::kernel::go_on_from(file.get(), label, &asked);
    if (task != "room") {
        grow();
        use_c_library();
    }
    say(vitrine::concat("misfit ", static_cast<int>(misfit)));
    return 1;
}

int start(const std::vector<std::string>& words, char** argv) {
    if (words.size() == 4 && words[1] == "make") {
        if (::getenv("IN_LAYOUT") != nullptr) return keep(words[2], words[3]);
        if (words[3] != "unasked") vitrine::kernel::ask_for_image_layout();
        ::setenv("IN_LAYOUT", "1", 1);
        ::execv("/proc/self/exe", argv);
    }
    if (words.size() == 5 && words[1] == "go") return go(words[2], words[3], words[4]);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return start({argv, argv + argc}, argv);
    } catch (const std::exception& error) {
        say(error.what());
        return 3;
    }
}
