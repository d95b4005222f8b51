"""Gives modules their bytecode, by the Python that is to import them. Runs in a sandbox.

stdin: the paths of the modules, each ended by a NUL. Leaves in /tmp/out one file for each of its
processes: for every module its number, the length of its bytecode, both as four bytes, little-endian,
and the bytecode, marked as never to be checked (PEP 552). What cannot be compiled is left out: it
cannot be imported either.
"""

import importlib.util
import marshal
import os
import sys
import warnings

UNCHECKED_HASH = (1).to_bytes(4, "little")
MOST_WORKERS = 16


def bytecode_of(path):
    with open(path, "rb") as file:
        source = file.read()
    # As a path, not as bytes: it is what tracebacks will show.
    code = compile(source, os.fsdecode(path), "exec", dont_inherit=True, optimize=0)
    head = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source)
    return head + marshal.dumps(code)


def compile_slice(paths, start, step):
    with open(f"/tmp/out/{start}", "wb") as file:
        for number in range(start, len(paths), step):
            try:
                data = bytecode_of(paths[number])
            except (SyntaxError, ValueError, RecursionError, OverflowError):
                continue
            file.write(number.to_bytes(4, "little") + len(data).to_bytes(4, "little") + data)


def compile_in_child(paths, start, step):
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        compile_slice(paths, start, step)
        status = 0
    finally:
        os._exit(status)


def main():
    warnings.simplefilter("ignore")
    paths = sys.stdin.buffer.read().split(b"\0")[:-1]
    workers = min(len(os.sched_getaffinity(0)), MOST_WORKERS)
    children = [compile_in_child(paths, start, workers) for start in range(workers)]
    failed = [child for child in children if os.waitpid(child, 0)[1] != 0]
    sys.exit(1 if failed else 0)


main()
