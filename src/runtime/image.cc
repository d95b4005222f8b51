#include "runtime/image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/error.h"

// Made by `ld -r -b binary` from the stripped guest program; see meson.build.
extern "C" {
extern const std::byte _binary_vitrine_guest_start[];
extern const std::byte _binary_vitrine_guest_end[];
}

namespace vitrine::runtime {

namespace {

/// Debian 12's headers are older than both (Linux 6.3).
constexpr unsigned kMfdExec = 0x10;
constexpr int kSealExec = 0x20;

}  // namespace

UniqueFd make_guest_image() {
    constexpr const char* kName = "vitrine";
    const int fd = ::memfd_create(kName, MFD_CLOEXEC | MFD_ALLOW_SEALING | kMfdExec);
    if (fd >= 0 || errno != EINVAL) {
        return UniqueFd(check(fd, "making room for the guest program", "memfd_create"));
    }
    return UniqueFd(check(::memfd_create(kName, MFD_CLOEXEC | MFD_ALLOW_SEALING),
                          "making room for the guest program", "memfd_create"));
}

void fill_guest_image(int image_fd) {
    write_all(image_fd, std::span(_binary_vitrine_guest_start, _binary_vitrine_guest_end));
    check(::fcntl(image_fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK),
          "sealing the guest program", "fcntl(F_ADD_SEALS)");
}

void forbid_execution(int image_fd) {
    check(::fchmod(image_fd, 0444), "closing the guest program", "fchmod");
    // EINVAL: an older kernel. The job's owner id could then make it executable again, and would
    // get the guest program, which has nothing to give it.
    if (::fcntl(image_fd, F_ADD_SEALS, kSealExec | F_SEAL_SEAL) < 0 && errno != EINVAL) {
        throw SystemError("sealing the guest program", "fcntl(F_ADD_SEALS)");
    }
}

}  // namespace vitrine::runtime
