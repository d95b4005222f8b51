# Layer 3. argv: what a file of the host holds, then the paths to try.
import sys

import vitrine

secret, paths = sys.argv[1], sys.argv[2:]


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


vitrine.result("worked" if secret in map(read, paths) else "refused")
