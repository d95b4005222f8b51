# Layer 4. argv: what to hand to personality(2). The kernel takes either; the filter looks at it.
import ctypes
import errno
import sys

import vitrine

libc = ctypes.CDLL(None, use_errno=True)
answer = libc.personality(ctypes.c_ulong(int(sys.argv[1], 16)))
vitrine.result("worked" if answer >= 0 else "refused" if ctypes.get_errno() == errno.EPERM else "failed")
