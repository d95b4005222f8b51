#include "rootfs/complete.h"

#include <array>

namespace vitrine::rootfs {

namespace {

struct SmallFile {
    const char* path;
    const char* content;
};
constexpr std::array<SmallFile, 5> kSmallFiles{
    {{"/etc/passwd",
      "root:x:0:0:root:/tmp:/nonexistent\n"
      "vitrine:x:1000:1000:the job:/tmp:/nonexistent\n"
      "nobody:x:65534:65534:nobody:/nonexistent:/nonexistent\n"},
     {"/etc/group", "root:x:0:\nvitrine:x:1000:\nnogroup:x:65534:\n"},
     {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"},
     {"/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
     {"/etc/os-release", "ID=vitrine\nNAME=Vitrine\nPRETTY_NAME=\"Vitrine rootfs\"\n"}}};

}  // namespace

void add_small_files(Tree& tree) {
    for (const char* path : {"/dev", "/etc", "/proc", "/tmp"})
        tree.make_directory(path);
    for (const SmallFile& file : kSmallFiles) {
        if (!tree.has(file.path)) tree.write(file.path, file.content);
    }
}

void describe(Tree& tree, const PythonDescription& python) {
    tree.write(kDescriptionFile, encode_description(python));
}

Manifest complete(Tree& tree, const PythonDescription& python, const std::string& source,
                  const std::string& recipe) {
    Manifest manifest{.content_id = {},
                      .builder = "vitrine " VITRINE_VERSION,
                      .source = source,
                      .recipe = recipe,
                      .python = python,
                      .entries = scan(tree.directory())};
    manifest.content_id = content_id(manifest.entries);
    tree.write(kManifestFile, encode_manifest(manifest));
    return manifest;
}

}  // namespace vitrine::rootfs
