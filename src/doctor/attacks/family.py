# Layer 4. argv: a socket family by name; the kernel gives any user one of those named here.
import socket
import sys

import vitrine

try:
    socket.socket(getattr(socket, sys.argv[1]), socket.SOCK_DGRAM).close()
    vitrine.result("worked")
except PermissionError:
    vitrine.result("refused")
