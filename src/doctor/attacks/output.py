# Layer 5: 2 MiB of output. argv: for how many seconds to wait then for what comes of it.
import sys
import time

import vitrine

for _ in range(2048):
    sys.stdout.write("x" * 1023 + "\n")
sys.stdout.flush()
time.sleep(float(sys.argv[1]))
vitrine.result("worked")
