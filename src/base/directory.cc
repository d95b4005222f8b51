#include "base/directory.h"

#include <dirent.h>

#include <memory>
#include <string_view>

namespace vitrine {

namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const { (void)::closedir(directory); }
};

}  // namespace

std::vector<std::string> names_in(const std::string& directory) {
    const std::unique_ptr<DIR, CloseDirectory> stream(::opendir(directory.c_str()));
    std::vector<std::string> names;
    while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    return names;
}

}  // namespace vitrine
