"""Print poses of `keycam run 0 --to lsl:`, with their capture times: receive_lsl.py [NAME]

Needs: pip install pylsl
"""

import sys

from pylsl import StreamInlet, resolve_byprop

name = sys.argv[1] if len(sys.argv) > 1 else "keycam"
inlet = StreamInlet(resolve_byprop("name", name)[0])
while True:
    values, time_s = inlet.pull_sample()  # x, y, confidence of the first point, the next ...
    print(f"{time_s:.4f}", *values[:3], flush=True)
