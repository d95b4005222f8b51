// Ids for what nobody has named.
#pragma once

#include <string>

namespace vitrine {

/// 16 random hexadecimal digits. Throws SystemError.
std::string random_id();

}  // namespace vitrine
