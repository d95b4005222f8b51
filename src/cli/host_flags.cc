#include "cli/host_flags.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "runtime/host.h"

namespace vitrine::cli {

bool parse_host_flags(const HostVerb& verb, std::span<const std::string> words, HostFlags& flags) {
    CLI::App app(verb.about, concat("vitrine ", verb.name));
    app.footer(verb.examples);
    app.add_flag("--json", flags.is_json, "One JSON object instead of text");
    app.add_option("--rootfs", flags.rootfs, verb.rootfs_help)->type_name("DIR");
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::CallForHelp&) {
        write_all(STDOUT_FILENO, app.help());
        return false;
    } catch (const CLI::ParseError& error) {
        throw UsageError(error.what(),
                         concat("'vitrine ", verb.name, " --help' shows how it is used"));
    }
    runtime::InstalledFiles installed = runtime::installed_files();
    flags.rootfs = flags.rootfs.empty() ? std::move(installed.rootfs)
                                        : std::filesystem::absolute(flags.rootfs).string();
    flags.profiles = std::move(installed.profiles);
    return true;
}

}  // namespace vitrine::cli
