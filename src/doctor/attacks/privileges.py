# no_new_privs, as the kernel tells of us and of a child, after asking to be rid of it.
import ctypes
import os

import vitrine

PR_SET_NO_NEW_PRIVS = 38


def flag():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(line.split()[1] for line in status if line.startswith("NoNewPrivs:"))


ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)
reader, writer = os.pipe()
if os.fork() == 0:
    os.write(writer, flag().encode())
    os._exit(0)
flags = {flag(), os.read(reader, 8).decode()}
vitrine.result("refused" if flags == {"1"} else "worked")
