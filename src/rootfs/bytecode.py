"""Gives every module below the directories of a rootfs its bytecode.

argv: the rootfs, then directories in pairs: where the rootfs has it, and where the host does. The
files carry the hash of their source and are marked as not to be checked (PEP 552): nothing is looked
up or compiled when a job imports. Bytecode the host has already, and which is of this very source,
is taken over.
"""

import concurrent.futures
import importlib.util
import marshal
import os
import sys

MAGIC = importlib.util.MAGIC_NUMBER
UNCHECKED_HASH = (1).to_bytes(4, "little")


def modules(root, directories):
    """Modules below the directories: where the rootfs has each, and where the host does."""
    for directory, on_host in directories:
        for folder, _, names in os.walk(root + directory):
            for name in names:
                if name.endswith(".py"):
                    path = os.path.join(folder, name)[len(root) :]
                    yield path, on_host + path[len(directory) :]


def code_of_host(path, source):
    """The host's bytecode of the same file, if it is of the same source; without its header."""
    try:
        with open(importlib.util.cache_from_source(path), "rb") as file:
            data = file.read()
        host = os.stat(path)
        with open(path, "rb") as file:
            if file.read() != source:
                return None
    except OSError:
        return None
    stamp = (int(host.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little")
    size = (len(source) & 0xFFFFFFFF).to_bytes(4, "little")
    return data[16:] if data[:16] == MAGIC + bytes(4) + stamp + size else None


def compile_anew(path, source):
    try:
        return marshal.dumps(compile(source, path, "exec", dont_inherit=True, optimize=0))
    except (SyntaxError, ValueError):
        return None  # A template, a test of bad syntax: it cannot be imported either way.


def write(target, source, code):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.exists(target):
        os.unlink(target)  # One that was copied, and is read-only.
    with open(target, "wb") as file:
        file.write(MAGIC + UNCHECKED_HASH + importlib.util.source_hash(source) + code)
    os.chmod(target, 0o444)


def give_bytecode(root, module, is_compiled):
    """False when it would have to be compiled and is_compiled is not set."""
    path, on_host = module
    with open(root + path, "rb") as file:
        source = file.read()
    code = code_of_host(on_host, source)
    if code is None:
        if not is_compiled:
            return False
        code = compile_anew(path, source)
    if code is not None:
        write(importlib.util.cache_from_source(root + path), source, code)
    return True


def compile_slice(arguments):
    root, rest = arguments
    for module in rest:
        give_bytecode(root, module, True)


def main():
    root, directories = sys.argv[1], list(zip(sys.argv[2::2], sys.argv[3::2]))
    rest = [module for module in modules(root, directories) if not give_bytecode(root, module, False)]
    workers = min(os.cpu_count() or 1, 8) if len(rest) > 20 else 1
    slices = [(root, rest[start::workers]) for start in range(workers)]
    if workers == 1:
        compile_slice(slices[0])
        return
    with concurrent.futures.ProcessPoolExecutor(workers) as pool:
        list(pool.map(compile_slice, slices))


main()
