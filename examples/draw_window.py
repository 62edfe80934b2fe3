"""Draw four looks of the window, side by side: python examples/draw_window.py PICTURE [SOURCE]

The README's picture is made by: python examples/draw_window.py examples/window.jpg
"""

import sys

import cv2
import numpy as np

from engines import load
from realtime.controls import Action, Settings
from realtime.keys import described
from realtime.memory import Memory
from realtime.overlay import Overlay
from realtime.source import open_source
from realtime.style import Style
from realtime.timing import Timings
from realtime.tracker import Tracker

LOOKS = (
    Settings(style=Style.parse("skeleton,trails")),
    Settings(style=Style.parse("points,trails,black"), mirrored=True),
    Settings(style=Style.parse("lines,subjects"), raw=True),
    Settings(style=Style.parse("skeleton,black"), paused=True, help=True),
)
ROOM = (640, 360)  # of each

engine = load("face68")
tracker, stats = Tracker(engine), Timings(warmup=0)
overlays = [Overlay(engine.card.skeleton, caption=engine.name) for _ in LOOKS]
keys = described(set(Action))
pictures = []
text = sys.argv[2] if len(sys.argv) > 2 else "synthetic:seed=3,size=1280x720"
with open_source(text) as source:
    ahead = Memory.ahead(source, 70)  # the frame rate is to be the loop's
for frame in ahead:
    stats.start()
    stats.grabbed(frame)
    pose = tracker.track(frame)
    for stage, milliseconds in tracker.stages.items():
        stats.add(stage, milliseconds)
    pictures = [
        overlay.draw(frame, pose, stats, look, room=ROOM, keys=keys)
        for overlay, look in zip(overlays, LOOKS, strict=True)
    ]
    stats.finish()
rows = [np.hstack(pictures[:2]), np.hstack(pictures[2:])]
cv2.imwrite(sys.argv[1], np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 88])
