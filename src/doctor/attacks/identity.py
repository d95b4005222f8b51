# argv: "root", to become it, or "self", to become who we are: the same call.
import os
import sys

import vitrine

try:
    os.setresuid(*[0 if sys.argv[1] == "root" else os.getuid()] * 3)
    vitrine.result("worked")
except OSError:
    vitrine.result("refused")
