#include "base/wire.h"

namespace vitrine {

// Not inline: GCC 12 takes the growing of a vector that it sees through for writing past its end.
void WireWriter::append(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

}  // namespace vitrine
