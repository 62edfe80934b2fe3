"""Print where the nose is, frame by frame: python examples/print_keypoints.py [SOURCE]"""

import sys

from engines import load
from realtime.source import open_source
from realtime.tracker import Tracker

NOSE = 30  # p30 of face68

tracker = Tracker(load("face68"))
with open_source(sys.argv[1] if len(sys.argv) > 1 else "synthetic:frames=30") as source:
    for frame in source:
        pose = tracker.track(frame)
        if pose.keypoints_px is None:
            print(frame.index, pose.state)
        else:
            x, y = pose.keypoints_px[NOSE]
            print(frame.index, pose.state, f"{x:.1f} {y:.1f}")
