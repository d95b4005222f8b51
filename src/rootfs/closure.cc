#include "rootfs/closure.h"

#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <libelf.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/fd.h"

namespace vitrine::rootfs {

namespace {

using ElfFile = std::unique_ptr<Elf, decltype(&elf_end)>;

struct Dynamic {
    std::vector<std::string> needed;
    /// Of RUNPATH, or RPATH where there is none: what is named from the file's own place, and what
    /// is named from the root.
    std::vector<std::string> beside;
    std::vector<std::string> absolute;
};

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) {
        if (!part.empty()) parts.push_back(part);
    }
    return parts;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
}

void expand_run_path(const std::string& text, const std::string& path, Dynamic& dynamic) {
    const std::string origin = std::filesystem::path(path).parent_path();
    for (std::string part : split(text, ':')) {
        const std::string written = part;
        replace_all(part, "$ORIGIN", origin);
        replace_all(part, "${ORIGIN}", origin);
        (part == written ? dynamic.absolute : dynamic.beside).push_back(part);
    }
}

/// The section of type SHT_DYNAMIC.
Elf_Scn* find_dynamic(Elf* elf, GElf_Shdr& header) {
    for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr;
         section = elf_nextscn(elf, section)) {
        if (gelf_getshdr(section, &header) != nullptr && header.sh_type == SHT_DYNAMIC) {
            return section;
        }
    }
    return nullptr;
}

Dynamic read_dynamic(const std::string& path) {
    (void)elf_version(EV_CURRENT);
    const UniqueFd file = open_file(path, O_RDONLY);
    const ElfFile elf(elf_begin(file.get(), ELF_C_READ_MMAP, nullptr), &elf_end);
    Dynamic dynamic;
    GElf_Shdr header;
    Elf_Scn* section = elf ? find_dynamic(elf.get(), header) : nullptr;
    if (section == nullptr) return dynamic;
    const Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || header.sh_entsize == 0) throw Error(concat("'", path, "' is damaged"));
    std::string rpath;
    std::string runpath;
    for (int i = 0; i < static_cast<int>(header.sh_size / header.sh_entsize); ++i) {
        GElf_Dyn entry;
        if (gelf_getdyn(const_cast<Elf_Data*>(data), i, &entry) == nullptr) break;
        const auto text = [&] {
            const char* found = elf_strptr(elf.get(), header.sh_link, entry.d_un.d_val);
            return std::string(found == nullptr ? "" : found);
        };
        if (entry.d_tag == DT_NEEDED) dynamic.needed.push_back(text());
        if (entry.d_tag == DT_RPATH) rpath = text();
        if (entry.d_tag == DT_RUNPATH) runpath = text();
    }
    expand_run_path(runpath.empty() ? rpath : runpath, path, dynamic);
    return dynamic;
}

void read_loader_configuration(const std::string& path, int depth,
                               std::vector<std::string>& directories) {
    constexpr int kMaxIncludes = 8;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        line = line.substr(0, line.find('#'));
        std::istringstream words(line);
        std::string word;
        if (!(words >> word)) continue;
        if (word != "include") {
            directories.push_back(word);
            continue;
        }
        std::string pattern;
        words >> pattern;
        if (!pattern.starts_with('/')) {
            pattern = std::filesystem::path(path).parent_path() / pattern;
        }
        glob_t matches{};
        if (depth < kMaxIncludes && ::glob(pattern.c_str(), 0, nullptr, &matches) == 0) {
            for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
                read_loader_configuration(matches.gl_pathv[i], depth + 1, directories);
            }
        }
        ::globfree(&matches);
    }
}

/// Where the loader looks for what no RUNPATH finds, best first.
std::vector<std::string> loader_directories() {
    std::vector<std::string> directories;
    read_loader_configuration("/etc/ld.so.conf", 0, directories);
    const std::string own = library_directory();
    for (const char* standard : {own.c_str(), "/lib64", "/usr/lib64", "/lib", "/usr/lib"}) {
        directories.emplace_back(standard);
    }
    return directories;
}

/// A file of the same class as this program; a 32-bit library of the same name is passed over.
bool is_loadable(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::array<char, EI_NIDENT> identity{};
    file.read(identity.data(), identity.size());
    constexpr char kOwnClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
    return file.good() && std::string_view(identity.data(), SELFMAG) == ELFMAG &&
           identity[EI_CLASS] == kOwnClass;
}

std::optional<std::string> find_in(const std::vector<std::string>& directories,
                                   const std::string& name) {
    for (const std::string& directory : directories) {
        std::string path = concat(directory, "/", name);
        if (is_loadable(path)) return path;
    }
    return std::nullopt;
}

class Search {
  public:
    void follow(const std::string& path) {
        const Dynamic dynamic = read_dynamic(path);
        for (const std::string& name : dynamic.needed) {
            if (!found_.contains(name)) add(name, dynamic, path);
        }
    }

    std::vector<Library> result() const {
        std::vector<Library> libraries;
        for (const auto& [name, library] : found_)
            libraries.push_back(library);
        return libraries;
    }

  private:
    void add(const std::string& name, const Dynamic& dependant, const std::string& dependant_path) {
        Library library{.name = name, .path = {}, .is_beside = true};
        if (const auto beside = find_in(dependant.beside, name)) {
            library.path = *beside;
        } else if (const auto named = find_in(dependant.absolute, name)) {
            library.path = *named;
            library.is_beside = false;
        } else if (const auto standard = find_in(directories_, name)) {
            library.path = *standard;
            library.is_beside = false;
        } else {
            throw Error(concat("'", dependant_path, "' needs ", name, ", which is not found"),
                        "install the package that holds it: apt-file search, or ldd on the file");
        }
        found_.emplace(name, library);
        follow(library.path);
    }

    std::vector<std::string> directories_ = loader_directories();
    std::map<std::string, Library> found_;
};

}  // namespace

std::vector<Library> library_closure(const std::vector<std::string>& files) {
    Search search;
    for (const std::string& file : files)
        search.follow(file);
    return search.result();
}

std::vector<std::string> needed_libraries(const std::string& path) {
    return read_dynamic(path).needed;
}

std::string loader_of(const std::string& path) {
    (void)elf_version(EV_CURRENT);
    const UniqueFd file = open_file(path, O_RDONLY);
    const ElfFile elf(elf_begin(file.get(), ELF_C_READ_MMAP, nullptr), &elf_end);
    std::size_t count = 0;
    std::size_t size = 0;
    if (!elf || elf_getphdrnum(elf.get(), &count) != 0) return {};
    const char* bytes = elf_rawfile(elf.get(), &size);
    for (int i = 0; i < static_cast<int>(count); ++i) {
        GElf_Phdr header;
        if (gelf_getphdr(elf.get(), i, &header) == nullptr || header.p_type != PT_INTERP) continue;
        if (header.p_offset >= size) throw Error(concat("'", path, "' is damaged"));
        const std::string_view rest(bytes + header.p_offset, size - header.p_offset);
        return std::string(rest.substr(0, rest.find('\0')));
    }
    return {};
}

bool is_shared_object(const std::string& path) {
    return is_loadable(path);
}

std::string library_directory() {
    // This very process has libc mapped.
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        const std::size_t slash = line.find('/');
        if (slash != std::string::npos && line.ends_with("/libc.so.6")) {
            return std::filesystem::path(line.substr(slash)).parent_path();
        }
    }
    return "/usr/lib";
}

}  // namespace vitrine::rootfs
