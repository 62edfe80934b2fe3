"""Print where the nose is, frame by frame: python examples/print_keypoints.py [SOURCE]"""

import sys

from realtime import track

NOSE = 30  # p30 of face68

for frame, pose in track(sys.argv[1] if len(sys.argv) > 1 else "synthetic:frames=30"):
    if pose.keypoints_px is None:
        print(frame.index, pose.state)
    else:
        x, y = pose.keypoints_px[NOSE]
        print(frame.index, pose.state, f"{x:.1f} {y:.1f}")
