#include "rootfs/build.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "rootfs/closure.h"
#include "rootfs/commands.h"
#include "rootfs/complete.h"
#include "rootfs/probe.h"
#include "rootfs/python_process.h"
#include "rootfs/staging.h"
#include "rootfs/tree.h"

// Made from bytecode.py; see meson.build.
extern "C" {
extern const char _binary_rootfs_bytecode_start[];
extern const char _binary_rootfs_bytecode_end[];
}

namespace vitrine::rootfs {

namespace {

namespace fs = std::filesystem;

/// What of a standard library no job has a use for: tests, editors, installers, what needs a
/// display, what was for linking.
constexpr std::array<std::string_view, 10> kUnwantedDirectories{
    "__pycache__", "test",    "tests",     "idlelib",       "tkinter",
    "turtledemo",  "lib2to3", "ensurepip", "dist-packages", "site-packages"};
constexpr std::array<std::string_view, 4> kUnwantedPrefixes{"config-", "_test", "_tkinter",
                                                            "_ctypes_test"};

constexpr const char* kZoneinfo = "/usr/share/zoneinfo";
constexpr std::array<std::string_view, 2> kUnwantedZones{"posix", "right"};

template <std::size_t kCount>
bool is_one_of(const std::array<std::string_view, kCount>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

bool is_wanted_of_stdlib(const std::string& path) {
    const std::string name = fs::path(path).filename();
    if (name.ends_with(".a") || name.ends_with(".pyc") || name.ends_with(".exe")) return false;
    if (std::ranges::any_of(kUnwantedPrefixes,
                            [&](std::string_view prefix) { return name.starts_with(prefix); })) {
        return false;
    }
    return !is_one_of(kUnwantedDirectories, name) || !fs::is_directory(path);
}

/// numpy.testing and pandas.testing import from packages called `testing` and `tests`.
bool is_wanted_of_distribution(const std::string& path) {
    const std::string name = fs::path(path).filename();
    return name != "__pycache__" && !name.ends_with(".pyc") && !name.ends_with(".a");
}

bool is_wanted_zone(const std::string& path) {
    return !is_one_of(kUnwantedZones, fs::path(path).filename().string());
}

std::string executable_of(const BuildRequest& request) {
    if (!request.python.empty()) return request.python;
    if (!request.environment.empty()) return request.environment + "/bin/python3";
    return VITRINE_PYTHON_EXECUTABLE;
}

/// One build, in the order of its methods.
class Build {
  public:
    Build(const BuildRequest& request, const std::string& directory)
        : request_(request), executable_(executable_of(request)), tree_(directory) {}

    BuildSummary run() {
        request_.progress(concat("asking ", executable_));
        probe_ = ask({.executable = executable_,
                      .environment = request_.environment,
                      .distributions = request_.distributions});
        note_python();
        lay_out();
        copy_standard_library();
        copy_distributions();
        copy_commands();
        copy_libraries();
        if (request_.has_bytecode) write_bytecode();
        copy_time_zones();
        add_small_files(tree_);
        describe(tree_, python_);
        request_.progress("writing the manifest");
        const std::string& source =
            request_.environment.empty() ? executable_ : request_.environment;
        return {complete(tree_, python_, source, request_.recipe)};
    }

  private:
    std::string in_tree(const std::string& host_path) const {
        return path_in_tree(probe_, host_path);
    }

    void note_python() {
        python_ = {.version = probe_.version,
                   .soabi = probe_.soabi,
                   .libpython = in_tree(probe_.libpython),
                   .libraries = {},
                   .prefix = "/usr",
                   .search_path = {in_tree(probe_.stdlib), in_tree(probe_.dynload)},
                   .distributions = probe_.distributions};
        for (const std::string& site : probe_.sites) {
            const std::string path = in_tree(site);
            if (std::ranges::find(python_.search_path, path) == python_.search_path.end()) {
                python_.search_path.push_back(path);
            }
        }
    }

    /// Where the host merges /lib into /usr/lib, so does the rootfs.
    void lay_out() {
        tree_.make_directory("/usr/lib");
        for (const char* name : {"lib", "lib64"}) {
            const std::string path = concat("/", name);
            if (!fs::is_symlink(path)) continue;
            tree_.make_directory(concat("/usr/", name));
            tree_.link(path, concat("usr/", name));
        }
    }

    void copy_standard_library() {
        request_.progress(concat("copying the standard library of Python ", probe_.version));
        for (const std::string& path : {probe_.stdlib, probe_.dynload}) {
            tree_.copy_all(path, in_tree(path), is_wanted_of_stdlib);
        }
        // Without its directory every start would miss it once more.
        tree_.make_directory(in_tree(probe_.dynload));
    }

    void copy_distributions() {
        for (const Distribution& distribution : probe_.distributions) {
            request_.progress(concat("copying ", distribution.name, " ", distribution.version));
        }
        for (const std::string& part : probe_.parts)
            tree_.copy_all(part, in_tree(part), is_wanted_of_distribution);
    }

    void copy_commands() {
        for (const std::string& command : request_.commands) {
            programs_.push_back(find_command(command));
            request_.progress(concat("copying the command ", programs_.back()));
            copy_command(tree_, programs_.back());
        }
    }

    /// The host's originals of the shared objects in the tree as it is.
    std::vector<std::string> shared_objects() const {
        std::vector<std::string> objects = programs_;
        objects.push_back(probe_.libpython);
        for (const std::string& path : tree_.copied()) {
            const bool has_name =
                fs::path(path).filename().string().find(".so") != std::string::npos;
            if (has_name && is_shared_object(path)) objects.push_back(path);
        }
        std::ranges::sort(objects);
        return objects;
    }

    /// Alternatives and links are flattened: the name that is asked for is the file.
    std::string place_of(const Library& library) const {
        return library.is_beside ? in_tree(library.path)
                                 : concat(library_directory(), "/", library.name);
    }

    void copy_libraries() {
        const std::vector<std::string> objects = shared_objects();
        const std::vector<Library> libraries = library_closure(objects);
        request_.progress(concat("copying the ", libraries.size(), " shared libraries of ",
                                 objects.size(), " programs and extension modules"));
        tree_.copy(probe_.libpython, python_.libpython);
        for (const Library& library : libraries)
            tree_.copy(library.path, place_of(library));
        for (const Library& library : library_closure({probe_.libpython})) {
            // These the loader itself brings along.
            if (library.name.starts_with("libc.") || library.name.starts_with("ld-")) continue;
            python_.libraries.push_back(place_of(library));
        }
        // glibc loads it by itself when a thread ends early.
        const std::string unwinder = library_directory() + "/libgcc_s.so.1";
        if (fs::exists(unwinder)) tree_.copy(unwinder, unwinder);
    }

    void write_bytecode() {
        request_.progress("writing bytecode");
        std::vector<std::string> arguments{tree_.directory(), in_tree(probe_.stdlib),
                                           probe_.stdlib};
        for (const std::string& site : probe_.sites) {
            arguments.push_back(in_tree(site));
            arguments.push_back(site);
        }
        (void)run_python(executable_, {_binary_rootfs_bytecode_start, _binary_rootfs_bytecode_end},
                         arguments);
    }

    void copy_time_zones() {
        if (!fs::is_directory(kZoneinfo)) return;
        request_.progress("copying time zones");
        tree_.copy_all(kZoneinfo, kZoneinfo, is_wanted_zone);
        if (tree_.has("/usr/share/zoneinfo/Etc/UTC")) {
            tree_.link("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC");
        }
    }

    const BuildRequest& request_;
    std::string executable_;
    Tree tree_;
    Probe probe_;
    std::vector<std::string> programs_;  ///< The host's paths of the commands.
    PythonDescription python_;
};

}  // namespace

BuildSummary build(const BuildRequest& request) {
    Staging staging(request.output);
    BuildSummary summary = Build(request, staging.path()).run();
    staging.commit();
    return summary;
}

}  // namespace vitrine::rootfs
