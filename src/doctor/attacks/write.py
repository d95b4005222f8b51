# Layer 3. argv: paths to try to write a file at.
import sys

import vitrine


def write(path):
    try:
        with open(path, "w", encoding="utf-8") as file:
            return file.write("planted") > 0
    except OSError:
        return False


vitrine.result("worked" if any([write(path) for path in sys.argv[1:]]) else "refused")
