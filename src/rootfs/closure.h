// Which shared libraries a set of ELF files needs, found as the dynamic loader finds them. The only
// user of libelf.
#pragma once

#include <string>
#include <vector>

namespace vitrine::rootfs {

/// One library of a closure.
struct Library {
    std::string name;  ///< As it is asked for: `libz.so.1`.
    std::string path;  ///< Where the host has it; may be a symbolic link.
    /// Found by an $ORIGIN of its dependant's RPATH or RUNPATH: it must stay where it is, seen from
    /// there. Any other is found in the loader's own directories as well.
    bool is_beside = false;
};

/// The libraries `files` need, and those need, sorted by name; `files` themselves are not in it.
/// Searched like ld.so(8): RPATH or RUNPATH of the dependant ($ORIGIN known), the directories of
/// ld.so.conf, the default ones. Throws Error naming what is not found and who needs it.
std::vector<Library> library_closure(const std::vector<std::string>& files);

/// The libraries the file at `path` names itself as needed (DT_NEEDED).
std::vector<std::string> needed_libraries(const std::string& path);

/// The loader the program at `path` asks for (PT_INTERP); empty for one that is linked statically.
std::string loader_of(const std::string& path);

/// True when the file at `path` is an ELF shared object or program.
bool is_shared_object(const std::string& path);

/// The directory in which the host keeps libc, symbolic links resolved.
std::string library_directory();

}  // namespace vitrine::rootfs
