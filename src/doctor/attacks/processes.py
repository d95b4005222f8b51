# Layer 5: twenty processes at a time. They end with the sandbox.
import os
import time

import vitrine

try:
    for _ in range(20):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    vitrine.result("worked")
except OSError:
    vitrine.result("refused")
