"""Runs each program named as `python3 PROGRAM` would, in a fork of this process, which has numpy and
pandas already. Leaves what it printed in PROGRAM.out and how it ended in PROGRAM.exit."""
import os
import runpy
import sys

import pandas


def run(path):
    with open(path + ".out", "wb") as out:
        os.dup2(out.fileno(), 1)
    sys.argv = [path]
    try:
        runpy.run_path(path, run_name="__main__")
    finally:
        sys.stdout.flush()


def main(paths):
    for path in paths:
        pid = os.fork()
        if pid == 0:
            run(path)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with open(path + ".exit", "w") as file:
            file.write(str(code))


main(sys.argv[1:])
