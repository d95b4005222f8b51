// A warm heap in huge pages: a fork copies its page table, and that is shorter by a factor of 512.
#pragma once

#include <string>

namespace vitrine::sandbox {

/// Gathers this process's private anonymous memory in huge pages, as far as the kernel can (Linux
/// 6.1; whatever the host's settings for transparent ones are). A fork that writes to one gets a
/// copy of the small page alone. `maps` is the content of its /proc/self/maps.
void use_huge_pages(const std::string& maps);

}  // namespace vitrine::sandbox
