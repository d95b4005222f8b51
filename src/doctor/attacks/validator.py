# Layer 1: native code by way of ctypes. Runs where no policy looks at it.
import ctypes

import vitrine

vitrine.result("worked" if ctypes.CDLL(None).getpid() > 0 else "failed")
