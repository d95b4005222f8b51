"""What runs can leave on a host, for the tools that show that they leave nothing.

Everything happens in a pid namespace of its own, where whatever is left over is seen.
"""

import os
import pathlib
import sys
import time

IN_NAMESPACE = "VITRINE_IN_TEST_NAMESPACE"


def enter_namespace():
    """Starts this program again as the child of a new pid namespace's pid 1, which reaps for it."""
    if IN_NAMESPACE in os.environ:
        return
    flags = ["--pid", "--fork", "--mount-proc"]
    if os.geteuid() != 0:
        flags += ["--user", "--map-current-user"]
    inner = '"$@" & wait $!'
    command = ["unshare", *flags, "sh", "-c", inner, "namespace", sys.executable, *sys.argv]
    os.execvpe(command[0], command, os.environ | {IN_NAMESPACE: "1"})


def processes():
    """Living processes of this pid namespace, but for our own and our parents."""
    own = {1, os.getpid()}
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in own:
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        if stat.rpartition(")")[2].split()[0] != "Z":
            found.append(stat.split(")")[0] + ")")
    return found


def cgroups():
    base = pathlib.Path("/sys/fs/cgroup")
    own_namespace = f".{os.stat('/proc/self/ns/pid').st_ino}."
    return [str(path) for path in base.rglob("job-*") if own_namespace in path.name]


def state():
    """What could be left over, to be compared before and after."""
    mounts = len(pathlib.Path("/proc/self/mountinfo").read_text().splitlines())
    namespaces = set()
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            for name in ("pid", "mnt", "net", "user", "ipc", "uts", "cgroup"):
                try:
                    namespaces.add(os.readlink(entry / "ns" / name))
                except OSError:
                    pass
    return {"processes": processes(), "cgroups": cgroups(), "mounts": mounts, "namespaces": len(namespaces)}


def settle(before):
    """Jobs of killed supervisors die at once: a second is generous, an emulated machine's is long."""
    deadline = time.monotonic() + 2 * int(os.environ.get("VITRINE_TIME_SCALE", "1"))
    while (after := state()) != before and time.monotonic() < deadline:
        time.sleep(0.05)
    return after
