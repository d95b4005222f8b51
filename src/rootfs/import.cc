#include "rootfs/import.h"

#include <array>
#include <filesystem>

#include "base/error.h"
#include "rootfs/closure.h"
#include "rootfs/complete.h"
#include "rootfs/image.h"
#include "rootfs/inspect.h"
#include "rootfs/staging.h"
#include "rootfs/tree.h"
#include "rootfs/unpack.h"

namespace vitrine::rootfs {

namespace {

namespace fs = std::filesystem;

/// Of one glibc, or of none: the parts call each other by private names.
constexpr std::array<const char*, 8> kGlibcFamily{
    "libc.so.6",       "libm.so.6",    "libdl.so.2",     "librt.so.1",
    "libpthread.so.0", "libutil.so.1", "libresolv.so.2", "libmvec.so.1"};

void unpack_all(const ImportRequest& request, const std::string& directory) {
    const std::vector<ImageLayer> layers = find_layers(request.archive);
    Unpacker unpacker(directory);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        request.progress(concat("unpacking layer ", i + 1, " of ", layers.size()));
        read_layer(request.archive, layers[i],
                   [&](ArchiveReader& layer) { unpacker.apply(layer); });
    }
    if (unpacker.left_out() > 0) {
        request.progress(
            concat("left out ", unpacker.left_out(),
                   " entries: devices, fifos, sockets, names with control characters"));
    }
}

void take_glibc_of_host(Tree& tree) {
    for (const auto& entry : fs::recursive_directory_iterator(tree.directory())) {
        const std::string name = entry.path().filename();
        for (const char* member : kGlibcFamily) {
            const std::string own = concat(library_directory(), "/", member);
            if (name != member || !fs::exists(own)) continue;
            const std::string path = entry.path().string().substr(tree.directory().size());
            fs::remove(entry.path());
            tree.copy(own, path);
        }
    }
}

void compile_modules(const ImportRequest& request, Tree& tree, const PythonDescription& python) {
    request.progress(
        concat("compiling its modules with its own Python ", python.version, ", in a sandbox"));
    with_context("writing bytecode", [&] {
        const std::size_t count = compile_inside(tree, python, request.run_inside);
        request.progress(concat("wrote the bytecode of ", count, " modules"));
    });
}

}  // namespace

Manifest import_archive(const ImportRequest& request) {
    Staging staging(request.output);
    const std::string& source = request.source.empty() ? request.archive : request.source;
    return with_context(concat("importing '", source, "'"), [&] {
        unpack_all(request, staging.path());
        request.progress("looking for its Python");
        Tree tree(staging.path());
        const PythonDescription python = find_python(staging.path());
        take_glibc_of_host(tree);
        add_small_files(tree);
        describe(tree, python);
        if (request.run_inside) compile_modules(request, tree, python);
        request.progress("writing the manifest");
        Manifest manifest = complete(tree, python, source, request.recipe);
        staging.commit();
        return manifest;
    });
}

}  // namespace vitrine::rootfs
