# Layer 2. argv: "own", and it listens and connects in its own network; a port of the host's
# loopback; or @NAME, an abstract socket of the host.
import socket
import sys

import vitrine


def connect(family, address):
    with socket.socket(family) as client:
        client.settimeout(5)
        client.connect(address)


target = sys.argv[1]
try:
    if target == "own":
        server = socket.create_server(("127.0.0.1", 0))
        connect(socket.AF_INET, server.getsockname())
    elif target.startswith("@"):
        connect(socket.AF_UNIX, "\0" + target[1:])
    else:
        connect(socket.AF_INET, ("127.0.0.1", int(target)))
    vitrine.result("worked")
except OSError:
    vitrine.result("refused")
