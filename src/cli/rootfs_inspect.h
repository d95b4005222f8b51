// `vitrine rootfs verify` and `vitrine rootfs show`.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace vitrine::cli {

struct InspectFlags {
    std::string directory;
    bool is_json = false;
};

/// Declare the flags of each; `flags` must outlive the parse.
void add_verify_flags(CLI::App& verify, InspectFlags& flags);
void add_show_flags(CLI::App& show, InspectFlags& flags);

/// 0 when the tree is what its manifest says, 1 when not; the differences go to stdout. Throws
/// UsageError when there is no rootfs or no manifest to compare with.
int verify_rootfs(const InspectFlags& flags);

/// Prints what is in the rootfs; returns 0. Throws UsageError like verify_rootfs.
int show_rootfs(const InspectFlags& flags);

}  // namespace vitrine::cli
