// Messages as bytes, and bytes as messages.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "library/messages.h"

namespace vitrine::library {

/// Defined for every struct of messages.h.
template <typename Message>
std::vector<std::byte> encode(const Message& message);

/// Takes nothing on trust: throws Error for what is cut short, too long or out of range. Needs
/// memory in proportion to the bytes.
template <typename Message>
Message decode(std::span<const std::byte> bytes);

}  // namespace vitrine::library
