"""Runs one module of CPython's own test suite and prints what came of it as one JSON object.

Takes the module's name from sys.argv; /suite holds the package `test` when this runs in a sandbox.
"""

import io
import json
import sys
import unittest

sys.path.insert(0, "/suite")


def main():
    module = sys.argv[1]
    output = io.StringIO()
    suite = unittest.defaultTestLoader.loadTestsFromName("test." + module)
    result = unittest.TextTestRunner(stream=output, verbosity=0).run(suite)
    failed = sorted({case.id() for case, _ in result.failures + result.errors})
    print("@" + json.dumps({"module": module, "ran": result.testsRun, "skipped": len(result.skipped),
                            "failed": failed}))


if __name__ == "__main__":
    main()
