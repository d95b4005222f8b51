#include "library/installation.h"

#include <dlfcn.h>

#include <filesystem>

namespace vitrine::library {

namespace {

namespace fs = std::filesystem;

/// Of the file this very function is in.
fs::path own_directory() {
    Dl_info info{};
    const auto* address = reinterpret_cast<const void*>(&find_program);
    if (::dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
    std::error_code ignored;
    return fs::canonical(info.dli_fname, ignored).parent_path();
}

}  // namespace

std::string find_program() {
    const fs::path here = own_directory();
    if (here.empty()) return {};
    // An absolute path, where directories were configured so, stands for itself.
    for (const char* place : {"vitrine", VITRINE_PROGRAM_FROM_LIBRARY}) {
        std::error_code ignored;
        const fs::path program = fs::canonical(here / place, ignored);
        if (!ignored && fs::is_regular_file(program, ignored)) return program;
    }
    return {};
}

}  // namespace vitrine::library
