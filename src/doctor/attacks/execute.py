# The doors to executing a program. argv: its bytes in hexadecimal. Says which doors are open.
import os
import sys

import vitrine

PROGRAM_SAYS = 42
program = bytes.fromhex(sys.argv[1])


def runs(target):
    child = os.fork()
    if child == 0:
        try:
            os.execve(target, ["program"], {})
        except OSError:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == PROGRAM_SAYS


def tmp():
    with open("/tmp/program", "wb") as file:
        file.write(program)
    os.chmod("/tmp/program", 0o755)
    return runs("/tmp/program")


def memory():
    try:
        fd = os.memfd_create("program", 0)
    except OSError:
        return False
    os.write(fd, program)
    os.set_inheritable(fd, True)
    return runs(fd)


def own_program():
    """Anything but EACCES: it was started, whatever came of it."""
    child = os.fork()
    if child == 0:
        try:
            os.execve("/proc/self/exe", ["program"], {})
        except PermissionError:
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


doors = {"/tmp": tmp, "memory": memory, "/proc/self/exe": own_program}
vitrine.result([name for name, door in doors.items() if door()])
