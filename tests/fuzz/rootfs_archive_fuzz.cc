// Layers of an image, byte by byte: whatever they say, nothing appears beside the root.
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>

#include "base/error.h"
#include "rootfs/manifest.h"
#include "rootfs/unpack.h"

namespace {

namespace fs = std::filesystem;
using namespace vitrine;

/// A directory with `root` in it, and nothing else as long as all is well.
std::string fresh_directory() {
    std::string path = "/tmp/vitrine-fuzz-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) std::abort();
    fs::create_directory(path + "/root");
    return path;
}

void unpack(std::span<const std::byte> bytes, const std::string& root) {
    rootfs::ArchiveReader reader([bytes](std::span<std::byte> buffer) mutable {
        const std::size_t count = std::min(buffer.size(), bytes.size());
        std::ranges::copy(bytes.first(count), buffer.begin());
        bytes = bytes.subspan(count);
        return count;
    });
    rootfs::Unpacker(root, {.bytes = 1U << 20U, .entries = 1000}).apply(reader);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string directory = fresh_directory();
    try {
        unpack(std::as_bytes(std::span(data, size)), directory + "/root");
    } catch (const std::exception&) {
        // Refused: as good an answer as any.
    }
    if (std::distance(fs::directory_iterator(directory), {}) != 1) std::abort();
    for (const auto& entry : fs::recursive_directory_iterator(directory + "/root")) {
        const auto kind = entry.symlink_status().type();
        if (kind != fs::file_type::regular && kind != fs::file_type::directory &&
            kind != fs::file_type::symlink) {
            std::abort();
        }
    }
    fs::remove_all(directory);
    return 0;
}
