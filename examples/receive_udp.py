"""Print poses sent by `keycam run 0 --to udp://127.0.0.1:9000`: receive_udp.py [PORT]"""

import json
import socket
import sys

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9000))
names = ["?"]
while True:
    message = json.loads(receiver.recv(65536))
    if "schema" in message:  # the hello, once per second
        names = message["skeleton"]["keypoints"]
    for subject in message.get("subjects", []):
        print(message["frame"], names[0], *subject["keypoints"][0], flush=True)
