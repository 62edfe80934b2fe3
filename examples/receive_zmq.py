"""Print poses of `keycam run 0 --to zmq://127.0.0.1:5556`: receive_zmq.py ENDPOINT TOKEN

It prints both when it starts. Needs: pip install pyzmq
"""

import json
import sys

import zmq

subscriber = zmq.Context().socket(zmq.SUB)
subscriber.plain_username, subscriber.plain_password = b"keycam", sys.argv[2].encode()
subscriber.subscribe(b"pose")
subscriber.connect(sys.argv[1])
while True:
    topic, text = subscriber.recv_multipart()
    message = json.loads(text)
    for subject in message["subjects"]:
        print(message["frame"], *subject["keypoints"][0], flush=True)
