"""Print points sent by `keycam run 0 --to osc://127.0.0.1:9001`: receive_osc.py [PORT]

Needs: pip install python-osc
"""

import sys

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

dispatcher = Dispatcher()
dispatcher.map("/keycam/*", lambda address, *values: print(address, *values, flush=True))
port = int(sys.argv[1]) if len(sys.argv) > 1 else 9001
BlockingOSCUDPServer(("127.0.0.1", port), dispatcher).serve_forever()
