#include "doctor/witnesses.h"

#include <arpa/inet.h>
#include <elf.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "kernel/process.h"

namespace vitrine::doctor {

namespace {

constexpr int kBacklog = 16;
constexpr int kProgramSays = 42;

std::string random_word() {
    std::array<unsigned char, 16> bytes{};
    check(::getrandom(bytes.data(), bytes.size(), 0), "making a secret", "getrandom");
    std::string word;
    for (const unsigned char byte : bytes)
        word.push_back(static_cast<char>('a' + byte % 26));
    return word;
}

/// An address of either family, as the calls want it.
struct Address {
    sockaddr_storage storage{};
    socklen_t length = sizeof(sockaddr_storage);

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address loopback() {
    Address address;
    sockaddr_in inet{};
    inet.sin_family = AF_INET;
    inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(&address.storage, &inet, sizeof inet);
    address.length = sizeof inet;
    return address;
}

Address abstract_address(const std::string& name) {
    Address address;
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    std::memcpy(&local.sun_path[1], name.data(), name.size());
    std::memcpy(&address.storage, &local, sizeof local);
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    return address;
}

UniqueFd listen_at(Address address) {
    constexpr const char* kIntent = "listening for attacks";
    UniqueFd socket(
        check(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
              kIntent, "socket"));
    check(::bind(socket.get(), address.get(), address.length), kIntent, "bind");
    check(::listen(socket.get(), kBacklog), kIntent, "listen");
    return socket;
}

Address address_of(int socket_fd) {
    Address address;
    check(::getsockname(socket_fd, address.get(), &address.length), "asking for a port",
          "getsockname");
    return address;
}

int count_visitors(int listener_fd) {
    int visitors = 0;
    for (;; ++visitors) {
        const UniqueFd visitor(::accept4(listener_fd, nullptr, nullptr, SOCK_CLOEXEC));
        if (!visitor) return visitors;
    }
}

/// Nobody came by now, and who comes is heard.
bool is_untouched(int listener_fd) {
    if (count_visitors(listener_fd) != 0) return false;
    Address address = address_of(listener_fd);
    const UniqueFd visitor(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(visitor.get(), address.get(), address.length) == 0 &&
           count_visitors(listener_fd) == 1;
}

#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
// mov $42,%edi; mov $60,%eax; syscall: exit(42)
constexpr std::array<unsigned char, 12> kCode{0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05};
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
// mov x8,#93; mov x0,#42; svc #0
constexpr std::array<unsigned char, 12> kCode{0xa8, 0x0b, 0x80, 0xd2, 0x40, 0x05,
                                              0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4};
#endif

}  // namespace

HostListener::HostListener()
    : inet_(listen_at(loopback())),
      abstract_name_("vitrine-" + random_word()),
      abstract_(listen_at(abstract_address(abstract_name_))) {}

std::string HostListener::port() const {
    const Address address = address_of(inet_.get());
    sockaddr_in inet{};
    std::memcpy(&inet, &address.storage, sizeof inet);
    return std::to_string(ntohs(inet.sin_port));
}

bool HostListener::is_unvisited_and_alive() const {
    return is_untouched(inet_.get()) && is_untouched(abstract_.get());
}

HostSecret::HostSecret() : word_(random_word()) {
    std::string path = std::filesystem::temp_directory_path() / "vitrine-selftest-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) throw SystemError("making a secret", "mkdtemp");
    directory_ = path;
    // Reachable by the job's id outside: only the sandbox is to keep it away.
    check(::chmod(directory_.c_str(), 0755), "opening the secret's directory", "chmod");
    replace_file(this->path(), word_);
    check(::chmod(this->path().c_str(), 0644), "opening the secret", "chmod");
}

HostSecret::~HostSecret() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

std::string tiny_program() {
    constexpr Elf64_Addr kBase = 0x400000;
    constexpr std::size_t kHeaders = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
    Elf64_Ehdr header{};
    std::memcpy(static_cast<void*>(header.e_ident), ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = kMachine;
    header.e_version = EV_CURRENT;
    header.e_entry = kBase + kHeaders;
    header.e_phoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_flags = PF_R | PF_X;
    segment.p_vaddr = segment.p_paddr = kBase;
    segment.p_filesz = segment.p_memsz = kHeaders + kCode.size();
    segment.p_align = 4096;
    std::string program(kHeaders + kCode.size(), '\0');
    std::memcpy(program.data(), &header, sizeof header);
    std::memcpy(program.data() + sizeof header, &segment, sizeof segment);
    std::memcpy(program.data() + kHeaders, kCode.data(), kCode.size());
    return program;
}

bool succeeds_in_child(const std::function<bool()>& action) {
    const kernel::Cloned child = kernel::clone_process({.flags = 0, .exit_signal = SIGCHLD});
    if (child.pid == 0) {
        try {
            ::_exit(action() ? 0 : 1);
        } catch (...) {
            ::_exit(1);
        }
    }
    const kernel::Ended ended = kernel::wait_for(child.pidfd.get());
    return !ended.by_signal && ended.code == 0;
}

bool runs_outside() {
    const std::string program = tiny_program();
    const UniqueFd file(::memfd_create("selftest", MFD_CLOEXEC));
    write_all(file.get(), program);
    const kernel::Cloned child = kernel::clone_process({.flags = 0, .exit_signal = SIGCHLD});
    if (child.pid == 0) {
        std::array<char, 8> name{"program"};
        const std::array<char*, 2> argv{name.data(), nullptr};
        const std::array<char*, 1> environment{nullptr};
        ::fexecve(file.get(), argv.data(), environment.data());
        ::_exit(1);
    }
    const kernel::Ended ended = kernel::wait_for(child.pidfd.get());
    return !ended.by_signal && ended.code == kProgramSays;
}

}  // namespace vitrine::doctor
