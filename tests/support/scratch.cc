#include "support/scratch.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace vitrine::test {

Scratch::Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vitrine-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw SystemError("making a directory", "mkdtemp");
    check(::chmod(pattern.c_str(), 0755), "opening it to other users", "chmod");
    path_ = pattern;
}

Scratch::~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string Scratch::write(const std::string& name, const std::string& content) const {
    std::string path = concat(path_, "/", name);
    std::ofstream(path, std::ios::binary) << content;
    return path;
}

}  // namespace vitrine::test
