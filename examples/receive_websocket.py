"""Print poses of `keycam run 0 --to ws://127.0.0.1:9000`: receive_websocket.py URL

It prints the URL, with its token, when it starts. Needs: pip install websockets
"""

import json
import sys

from websockets.sync.client import connect

with connect(sys.argv[1], max_size=2**20) as server:
    names = json.loads(server.recv())["skeleton"]["keypoints"]
    for text in server:
        message = json.loads(text)
        for subject in message["subjects"]:
            print(message["frame"], names[0], *subject["keypoints"][0], flush=True)
