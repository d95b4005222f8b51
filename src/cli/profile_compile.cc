// vitrine profile compile: the program that would be installed, for other tools.
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/profile_verbs.h"
#include "seccomp/filter.h"

namespace vitrine::cli {

namespace {

std::string_view bytes_of(const seccomp::Program& program) {
    const auto bytes = std::as_bytes(std::span(program));
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

int compile_profile(const ProfileRequest& request) {
    const seccomp::Filter filter =
        seccomp::compile_filter(read_profile(request.words[0]), request.host);
    const Log log(LogLevel::kInfo, LogFormat::kText);
    if (!filter.warning.empty()) log.warning(concat("profile: ", filter.warning));
    if (filter.programs.size() != 1) {
        throw Error("the profiles could not be joined into one program",
                    "compile each by itself and install them one after the other");
    }
    const seccomp::Program& program = filter.programs.front();
    if (request.output != "-") {
        replace_file(request.output, bytes_of(program));
        log.info(concat("profile: '", request.output, "': ", program.size(), " instructions for ",
                        request.host.arch->short_name));
        return 0;
    }
    if (::isatty(STDOUT_FILENO) == 1) {
        throw UsageError("a terminal cannot show a program", "-o FILE writes it");
    }
    print(bytes_of(program));
    return 0;
}

}  // namespace vitrine::cli
