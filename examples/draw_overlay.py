"""Draw the overlay on one frame: python examples/draw_overlay.py PICTURE [SOURCE]

The README's picture is made by: python examples/draw_overlay.py examples/overlay.jpg
"""

import sys
from pathlib import Path

import cv2

from engines import load
from engines.geometry import Image
from realtime.frame import Frame
from realtime.loop import run
from realtime.overlay import Overlay
from realtime.screen import Screen
from realtime.source import open_source
from realtime.tracker import Tracker


class LastPicture:
    """An output that keeps the newest picture and writes it at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.picture: Image | None = None

    def show(self, picture: Image, frame: Frame) -> None:
        self.picture = picture

    def close(self) -> None:
        if self.picture is not None:
            cv2.imwrite(str(self.path), self.picture)


engine = load("face68")
overlay = Overlay(engine.card.skeleton, caption=engine.name)
text = sys.argv[2] if len(sys.argv) > 2 else "synthetic:frames=120"
with open_source(text) as source:
    run(source, Tracker(engine), [Screen(overlay, [LastPicture(Path(sys.argv[1]))])])
