# Layer 5. argv: for how many seconds to turn in a circle.
import sys
import time

import vitrine

end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    pass
vitrine.result("worked")
