#include "rootfs/debian.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "rootfs/child_program.h"
#include "rootfs/import.h"
#include "rootfs/staging.h"

namespace vitrine::rootfs {

namespace {

constexpr const char* kProgram = "mmdebstrap";

UniqueFd nameless_file_in(const std::string& directory) {
    return UniqueFd(check(::open(directory.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600),
                          concat("making a file in '", directory, "'"), "open"));
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += concat(text.empty() ? "" : ",", word);
    return text;
}

void require_program() {
    if (is_in_path(kProgram)) return;
    throw UsageError(concat("there is no ", kProgram, " in PATH, and it fetches the packages"),
                     concat("install it: apt-get install ", kProgram,
                            "; or make a rootfs of this host's Python: --recipe minimal"));
}

void fetch(const Recipe& recipe, const std::string& scratch, int archive_fd) {
    // `extract` unpacks and does no more: nothing of the packages is run on this host. So there is
    // nothing to change the root for either, which is all that would take privilege.
    const std::vector<std::string> words{kProgram,
                                         "--quiet",
                                         "--mode=chrootless",
                                         "--variant=extract",
                                         "--format=tar",
                                         concat("--include=", joined(recipe.packages)),
                                         recipe.suite,
                                         "-"};
    try {
        await_success(start_program(words, archive_fd, scratch), kProgram);
    } catch (const Error& error) {
        throw Error(error.what(), concat("is there a suite '", recipe.suite,
                                         "' with these packages, does this host reach "
                                         "a Debian mirror, and is there 1 GiB of room "
                                         "beside the rootfs?"));
    }
}

}  // namespace

Manifest build_from_debian(const DebianRequest& request) {
    const Recipe& recipe = request.recipe;
    if (recipe.packages.empty() || !recipe.distributions.empty()) {
        throw UsageError(
            concat("recipe '", recipe.name, "' names a suite and ",
                   recipe.packages.empty() ? "no packages" : "distributions"),
            "a rootfs from a suite is made of its packages: libpython3.11, python3-numpy");
    }
    require_program();
    // Beside the rootfs, where there is room for it; what mmdebstrap leaves when it is killed is
    // ours to remove.
    const Workspace workspace(request.output);
    const UniqueFd archive = nameless_file_in(workspace.path());
    request.progress(concat("fetching ", joined(recipe.packages), " of ", recipe.suite));
    fetch(recipe, workspace.path(), archive.get());
    return import_archive({.archive = concat("/proc/self/fd/", archive.get()),
                           .output = request.output,
                           .source = concat("debian ", recipe.suite, ": ", joined(recipe.packages)),
                           .recipe = recipe.name,
                           .run_inside = request.run_inside,
                           .progress = request.progress});
}

}  // namespace vitrine::rootfs
