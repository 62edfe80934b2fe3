"""Print what an avatar gets from `keycam run 0 --to vmc://127.0.0.1`: receive_vmc.py [PORT]

Needs: pip install python-osc
"""

import sys

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

dispatcher = Dispatcher()
for address in ("OK", "Bone/Pos", "Blend/Val"):
    dispatcher.map(f"/VMC/Ext/{address}", lambda *message: print(*message, flush=True))
port = int(sys.argv[1]) if len(sys.argv) > 1 else 39539
BlockingOSCUDPServer(("127.0.0.1", port), dispatcher).serve_forever()
