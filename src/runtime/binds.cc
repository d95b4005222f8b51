#include "runtime/binds.h"

#include <sys/stat.h>

#include "base/error.h"
#include "kernel/mount.h"

namespace vitrine::runtime {

namespace {

bool is_readable_by_all(const struct stat& info) {
    const mode_t needed = S_ISDIR(info.st_mode) ? S_IROTH | S_IXOTH : S_IROTH;
    return (info.st_mode & needed) == needed;
}

}  // namespace

UniqueFd take_bind(const std::string& path, bool is_writable, const sandbox::IdMap& map) {
    UniqueFd tree = kernel::clone_tree(path, kernel::Submounts::kTakeAlong);
    struct stat info{};
    check(::fstat(tree.get(), &info), concat("looking at '", path, "'"), "fstat");
    try {
        const UniqueFd owners = sandbox::make_user_namespace({.inside_uid = info.st_uid,
                                                              .inside_gid = info.st_gid,
                                                              .outside_uid = map.outside_uid,
                                                              .outside_gid = map.outside_gid,
                                                              .deny_setgroups = true});
        kernel::idmap_mount(tree.get(), owners.get());
    } catch (const SystemError& error) {
        if (!is_writable && is_readable_by_all(info)) return tree;
        throw Error(concat("'", path, "' cannot be given to the job's own user: ", error.what()),
                    is_writable ? "its file system knows no idmapped mounts: bind one on ext4, "
                                  "xfs, btrfs or tmpfs, or run vitrine as the files' owner"
                                : "its file system knows no idmapped mounts: let others read it, "
                                  "or run vitrine as its owner");
    }
    return tree;
}

}  // namespace vitrine::runtime
