#include "base/random_id.h"

#include <sys/random.h>

#include <array>
#include <string_view>

#include "base/error.h"

namespace vitrine {

std::string random_id() {
    std::array<unsigned char, 8> bytes{};
    check(::getrandom(bytes.data(), bytes.size(), 0), "making an id", "getrandom");
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string id;
    for (const unsigned char byte : bytes) {
        id.push_back(kHex[byte >> 4U]);
        id.push_back(kHex[byte & 15U]);
    }
    return id;
}

}  // namespace vitrine
