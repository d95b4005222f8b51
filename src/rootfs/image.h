// Where the layers of an image archive are: `docker save`, an OCI layout as one tar, or a plain
// tar, which is its own only layer.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "rootfs/archive_reader.h"

namespace vitrine::rootfs {

/// A layer: an entry of the archive that is an archive itself.
struct ImageLayer {
    std::string path;    ///< In the archive; empty for the archive itself.
    std::string sha256;  ///< What its bytes must hash to; empty when the image does not say.
};

/// The layers of the archive at `path`, lowest first. Of an OCI index with several platforms the
/// host's is taken. Throws Error, naming the file of the image that will not do.
std::vector<ImageLayer> find_layers(const std::string& path);

/// Opens one layer and hands it to `use`. What the image says of its hash is checked at the end:
/// throws Error when it does not hold.
void read_layer(const std::string& path, const ImageLayer& layer,
                const std::function<void(ArchiveReader&)>& use);

}  // namespace vitrine::rootfs
