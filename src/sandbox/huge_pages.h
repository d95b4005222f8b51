// A warm heap in huge pages, and the code it runs: a fork copies its page table, and that is
// shorter by a factor of 512. Code is mapped in every fork without a fault.
#pragma once

namespace vitrine::sandbox {

/// Gathers this process's private anonymous memory in huge pages, as far as the kernel can (Linux
/// 6.1; whatever the host's settings for transparent ones are), and copies there what it uses of
/// its libraries' code and constants, which are then no file's any more. A fork that writes to a
/// huge page gets a copy of the small page alone. Where there are none, all stays as it is.
/// `process_fd` is this process's directory in /proc. Only while no other thread runs. Throws
/// SystemError.
void use_huge_pages(int process_fd);

}  // namespace vitrine::sandbox
