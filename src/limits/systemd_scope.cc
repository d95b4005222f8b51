#include "limits/systemd_scope.h"

#include <dlfcn.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace vitrine::limits {

namespace {

constexpr const char* kLibrary = "libsystemd.so.0";
constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kInterface = "org.freedesktop.systemd1.Manager";
constexpr std::chrono::microseconds kPatience = std::chrono::seconds(5);

struct CloseLibrary {
    void operator()(void* handle) const { (void)::dlclose(handle); }
};

/// The part of libsystemd that is used. Throws Error where it cannot be loaded.
class Library {
  public:
    Library() : handle_(::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL)) {
        if (!handle_) throw Error(concat(kLibrary, " is not installed"));
        find(bus_new, "sd_bus_new");
        find(bus_set_address, "sd_bus_set_address");
        find(bus_set_bus_client, "sd_bus_set_bus_client");
        find(bus_start, "sd_bus_start");
        find(bus_flush_close_unref, "sd_bus_flush_close_unref");
        find(match_signal, "sd_bus_match_signal");
        find(process, "sd_bus_process");
        find(wait, "sd_bus_wait");
        find(new_method_call, "sd_bus_message_new_method_call");
        find(append, "sd_bus_message_append");
        find(read, "sd_bus_message_read");
        find(message_unref, "sd_bus_message_unref");
        find(call, "sd_bus_call");
        find(error_free, "sd_bus_error_free");
    }

    decltype(&::sd_bus_new) bus_new{};
    decltype(&::sd_bus_set_address) bus_set_address{};
    decltype(&::sd_bus_set_bus_client) bus_set_bus_client{};
    decltype(&::sd_bus_start) bus_start{};
    decltype(&::sd_bus_flush_close_unref) bus_flush_close_unref{};
    decltype(&::sd_bus_match_signal) match_signal{};
    decltype(&::sd_bus_process) process{};
    decltype(&::sd_bus_wait) wait{};
    decltype(&::sd_bus_message_new_method_call) new_method_call{};
    decltype(&::sd_bus_message_append) append{};
    decltype(&::sd_bus_message_read) read{};
    decltype(&::sd_bus_message_unref) message_unref{};
    decltype(&::sd_bus_call) call{};
    decltype(&::sd_bus_error_free) error_free{};

  private:
    template <typename Function>
    void find(Function& function, const char* name) {
        void* symbol = ::dlsym(handle_.get(), name);
        if (symbol == nullptr) throw Error(concat(kLibrary, " lacks ", name));
        function = reinterpret_cast<Function>(symbol);
    }

    std::unique_ptr<void, CloseLibrary> handle_;
};

/// libsystemd answers with negative errno values.
void require(int answer, const char* doing) {
    if (answer < 0) throw Error(concat(doing, ": ", errno_text(-answer)));
}

std::string user_bus_address() {
    const char* directory = std::getenv("XDG_RUNTIME_DIR");  // NOLINT(concurrency-mt-unsafe)
    const std::string bus =
        concat(directory != nullptr ? directory : concat("/run/user/", ::geteuid()), "/bus");
    if (::access(bus.c_str(), W_OK) != 0) {
        throw Error(concat("the user's D-Bus is not at '", bus, "'"));
    }
    return "unix:path=" + bus;
}

/// Systemd's answer to a job that was queued: its name, and how it ended.
struct PendingJob {
    const Library& library;
    std::string path;
    std::string outcome;
};

int take_removed_job(sd_bus_message* message, void* data, sd_bus_error* /*error*/) {
    auto& job = *static_cast<PendingJob*>(data);
    std::uint32_t id = 0;
    const char* path = nullptr;
    const char* unit = nullptr;
    const char* outcome = nullptr;
    if (job.library.read(message, "uoss", &id, &path, &unit, &outcome) < 0) return 0;
    if (job.path == path) job.outcome = outcome;
    return 0;
}

class Session {
  public:
    Session() {
        sd_bus* bus = nullptr;
        require(library_.bus_new(&bus), "making a D-Bus connection");
        bus_.reset(bus);
        require(library_.bus_set_address(bus, user_bus_address().c_str()), "naming the D-Bus");
        require(library_.bus_set_bus_client(bus, 1), "naming the D-Bus");
        require(library_.bus_start(bus), "connecting to the user's D-Bus");
        require(library_.match_signal(bus, nullptr, kService, kPath, kInterface, "JobRemoved",
                                      &take_removed_job, &job_),
                "listening to systemd");
    }

    void enter_scope() {
        start_scope();
        await_job();
    }

  private:
    using Reply = std::unique_ptr<sd_bus_message, decltype(&::sd_bus_message_unref)>;

    Reply make_request() const {
        sd_bus_message* message = nullptr;
        require(library_.new_method_call(bus_.get(), &message, kService, kPath, kInterface,
                                         "StartTransientUnit"),
                "asking systemd for a scope");
        Reply request(message, library_.message_unref);
        const auto pid = static_cast<std::uint32_t>(::getpid());
        const std::string name = concat("vitrine-", pid, ".scope");
        require(library_.append(message, "ssa(sv)a(sa(sv))", name.c_str(), "fail", 4,  //
                                "Description", "s", "Vitrine's sandboxes",             //
                                "Delegate", "b", 1,                                    //
                                "CollectMode", "s", "inactive-or-failed",              //
                                "PIDs", "au", 1, pid, 0),
                "asking systemd for a scope");
        return request;
    }

    void start_scope() {
        const Reply request = make_request();
        sd_bus_error error{};
        sd_bus_message* answer = nullptr;
        const int sent =
            library_.call(bus_.get(), request.get(), static_cast<std::uint64_t>(kPatience.count()),
                          &error, &answer);
        const std::string refusal = error.message == nullptr ? "" : error.message;
        library_.error_free(&error);
        if (!refusal.empty()) throw Error(concat("systemd refused a scope: ", refusal));
        require(sent, "asking systemd for a scope");
        const Reply reply(answer, library_.message_unref);
        const char* path = nullptr;
        require(library_.read(answer, "o", &path), "reading systemd's answer");
        job_.path = path;
    }

    /// Our process is in the scope once the job is over.
    void await_job() {
        const auto deadline = std::chrono::steady_clock::now() + kPatience;
        while (job_.outcome.empty()) {
            const int done = library_.process(bus_.get(), nullptr);
            require(done, "waiting for systemd");
            if (done > 0) continue;
            const auto left = std::chrono::duration_cast<std::chrono::microseconds>(
                deadline - std::chrono::steady_clock::now());
            if (left.count() <= 0) throw Error("systemd did not start a scope within 5 s");
            require(library_.wait(bus_.get(), static_cast<std::uint64_t>(left.count())),
                    "waiting for systemd");
        }
        if (job_.outcome != "done") {
            throw Error(concat("systemd could not start a scope: ", job_.outcome));
        }
    }

    Library library_;
    PendingJob job_{library_, {}, {}};
    std::unique_ptr<sd_bus, decltype(&::sd_bus_flush_close_unref)> bus_{
        nullptr, library_.bus_flush_close_unref};
};

}  // namespace

std::optional<std::string> enter_user_scope() {
    try {
        Session().enter_scope();
    } catch (const Error& error) {
        return std::string(error.what());
    }
    return std::nullopt;
}

}  // namespace vitrine::limits
