// A manifest is read back as it was written, or refused.
#include <cstdlib>

#include "base/error.h"
#include "rootfs/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vitrine::rootfs;
    try {
        const Manifest read = decode_manifest({reinterpret_cast<const char*>(data), size});
        const Manifest again = decode_manifest(encode_manifest(read));
        if (again.entries != read.entries) std::abort();
    } catch (const vitrine::Error&) {
        // No manifest.
    }
    return 0;
}
