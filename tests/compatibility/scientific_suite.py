"""Runs the own tests of numpy or scipy packages and prints what came of them as one JSON object.

Takes names such as numpy.linalg or scipy.optimize from sys.argv; slow tests are left out, as by
numpy.test('fast').
"""

import collections
import json
import sys

import pytest


class Tally:
    """Counts by outcome, and the names of what did not pass."""

    def __init__(self):
        self.counts = collections.Counter()
        self.failed = []

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            outcome = "xfailed" if hasattr(report, "wasxfail") else report.outcome
            self.counts[outcome] += 1
            if outcome == "failed":
                self.failed.append(report.nodeid)


def main():
    tally = Tally()
    for package in sys.argv[1:]:
        pytest.main(["--pyargs", package, "-m", "not slow", "-q", "-p", "no:cacheprovider",
                     "-W", "ignore", "--tb=line"], plugins=[tally])
    print("@" + json.dumps(dict(tally.counts) | {"failed_tests": sorted(tally.failed)}))


if __name__ == "__main__":
    main()
