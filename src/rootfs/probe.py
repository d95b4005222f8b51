"""Asked of the Python a rootfs is made from: where its parts are. Prints one JSON object.

argv: a virtual environment of which everything is taken, or an empty word; then the distributions
to take along, by name. Every path is the host's.
"""

import functools
import importlib.metadata
import json
import os
import re
import site
import subprocess
import sys
import sysconfig


# What installs packages has nothing to do in a tree where none can be installed.
INSTALLERS = {"pip", "setuptools", "wheel", "uv", "pkg-resources"}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def find_distributions(paths):
    """Installed distributions by normal name; the first on the path wins."""
    found = {}
    for distribution in importlib.metadata.distributions(path=paths):
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(normal(name), distribution)
    return found


def requirements(distribution):
    """Names of what it needs always, and of what it needs under some condition but no extra."""
    always, perhaps = [], []
    for text in distribution.requires or []:
        name = re.match(r"\s*([A-Za-z0-9._-]+)", text).group(1)
        _, _, condition = text.partition(";")
        if "extra" in condition:
            continue
        (perhaps if condition else always).append(normal(name))
    return always, perhaps


def ask(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def metadata_path(distribution):
    return str(getattr(distribution, "_path", ""))


@functools.lru_cache(maxsize=None)
def debian_package(distribution):
    """The Debian package a distribution belongs to, or an empty string."""
    owner = ask("dpkg", "-S", metadata_path(distribution)).partition(":")[0]
    return owner if owner.startswith("python3-") else ""


def debian_requirements(distribution):
    """Debian takes out of the metadata what its packages depend on: dpkg knows it."""
    owner = debian_package(distribution)
    if not owner:
        return []
    depends = ask("dpkg-query", "-W", "-f", "${Depends}", owner)
    names = []
    for package in re.findall(r"\bpython3-[a-z0-9.+-]+", depends):
        files = ask("dpkg", "-L", package)
        names += re.findall(r"/dist-packages/([^/]+?)-[^/-]*\.(?:dist|egg)-info$", files, re.M)
    return [normal(name) for name in names]


def close_over(names, installed):
    """The named distributions and all they need; a missing one ends in an answer, not a trace."""
    wanted, taken, missing = [(normal(name), True) for name in names], {}, []
    while wanted:
        name, is_needed = wanted.pop()
        if name in taken:
            continue
        distribution = installed.get(name)
        if distribution is None:
            if is_needed:
                missing.append(name)
            continue
        taken[name] = distribution
        always, perhaps = requirements(distribution)
        perhaps += debian_requirements(distribution)
        wanted += [(needed, True) for needed in always] + [(other, False) for other in perhaps]
    return taken, missing


def is_editable(distribution):
    """Installed as a reference to a source tree, which is not where the metadata is."""
    text = distribution.read_text("direct_url.json")
    return bool(text and json.loads(text).get("dir_info", {}).get("editable"))


def recorded_files(distribution):
    """What an installer wrote down, relative to the site directory; None where there is no record.

    Scripts and data outside of it are of no use in a rootfs."""
    if distribution.read_text("RECORD") is None:
        return None
    names = (str(file) for file in distribution.files or [])
    return [name for name in names if not name.startswith(("..", "/"))]


def top_level(distribution, base):
    """The names below the site directory a distribution without a record consists of."""
    owner = debian_package(distribution)
    if owner:
        inside = [path[len(base) :].strip("/") for path in ask("dpkg", "-L", owner).split("\n")
                  if path.startswith(base)]
        return sorted({path.split("/")[0] for path in inside if path})
    names = (distribution.read_text("top_level.txt") or "").split()
    wanted = set(names or [distribution.metadata["Name"].replace("-", "_")])
    found = []
    for entry in sorted(os.listdir(base)):
        stem = entry.split(".")[0]
        # Bundled shared libraries of a wheel lie beside its package.
        is_module = entry == stem or entry.endswith((".py", ".so", ".libs"))
        if stem in wanted and is_module:
            found.append(entry)
    return found


def parts(distribution):
    """Absolute paths of what a distribution consists of, its metadata included."""
    base = str(distribution.locate_file(""))
    names = recorded_files(distribution)
    if names is None:
        names = top_level(distribution, base)
    found = {os.path.join(base, name) for name in names}
    found.add(metadata_path(distribution))
    return sorted(path for path in found if os.path.exists(path))


def environment_of(executable):
    """The virtual environment an interpreter belongs to, or an empty string."""
    directory = os.path.dirname(os.path.dirname(executable))
    return directory if os.path.exists(os.path.join(directory, "pyvenv.cfg")) else ""


def own_site(environment):
    """Not from the module site: Debian's knows an environment only from inside."""
    minor = "python{}.{}".format(*sys.version_info[:2])
    return os.path.join(environment, "lib", minor, "site-packages")


def site_directories(environment):
    if not environment:
        return site.getsitepackages()
    directories = [own_site(environment)]
    with open(os.path.join(environment, "pyvenv.cfg"), encoding="utf-8") as file:
        if re.search(r"^include-system-site-packages\s*=\s*true", file.read(), re.M | re.I):
            directories += site.getsitepackages()
    return directories


def main():
    given, names = sys.argv[1], sys.argv[2:]
    environment = os.path.abspath(given) if given else environment_of(sys.executable)
    paths = [path for path in site_directories(environment) if os.path.isdir(path)]
    installed = find_distributions(paths)
    if given:
        own = find_distributions([own_site(environment)])
        names += [name for name in own if name not in INSTALLERS]
    taken, missing = close_over(names, installed)
    distributions = [distribution for _, distribution in sorted(taken.items())]
    library = sysconfig.get_config_var("INSTSONAME") or ""
    directory = sysconfig.get_config_var("LIBDIR") or ""
    sites = dict.fromkeys(str(item.locate_file("")).rstrip("/") for item in distributions)
    json.dump(
        {
            "version": ".".join(map(str, sys.version_info[:3])),
            "minor": ".".join(map(str, sys.version_info[:2])),
            "soabi": sysconfig.get_config_var("SOABI"),
            "libpython": os.path.join(directory, library),
            "prefixes": [prefix for prefix in (environment, sys.base_prefix) if prefix],
            "stdlib": sysconfig.get_path("stdlib"),
            "dynload": os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload"),
            "sites": list(sites),
            "missing": missing,
            "editable": [item.metadata["Name"] for item in distributions if is_editable(item)],
            "distributions": [
                {
                    "name": item.metadata["Name"],
                    "version": item.version,
                    "parts": parts(item),
                }
                for item in distributions
            ],
        },
        sys.stdout,
    )


main()
