// Build-time tool: vitrine-precompile OUTPUT.bpf PROFILE.json…

#include <cstdio>
#include <exception>
#include <filesystem>
#include <span>

#include "base/error.h"
#include "base/file.h"
#include "seccomp/stored.h"

namespace {

using namespace vitrine::seccomp;

std::vector<ProfilePart> read_files(std::span<char*> paths) {
    std::vector<ProfilePart> parts;
    for (const std::filesystem::path path : paths) {
        parts.push_back(
            {.name = path.stem(), .json = vitrine::read_file(path, std::size_t{1} << 20)});
    }
    return parts;
}

void precompile(const char* output, std::span<char*> profiles) {
    const std::vector<ProfilePart> parts = read_files(profiles);
    const HostFacts host = host_facts();
    const Filter filter = compile_filter(parts, host);
    // What has failed its proof must not be built into a release.
    if (!filter.warning.empty()) throw vitrine::Error(filter.warning);
    vitrine::replace_file(output, encode_filter(filter, parts, host));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: vitrine-precompile OUTPUT.bpf PROFILE.json...\n", stderr);
        return 2;
    }
    try {
        const std::span arguments(argv, static_cast<std::size_t>(argc));
        precompile(argv[1], arguments.subspan(2));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "vitrine-precompile: %s\n", error.what());
        return 1;
    }
}
