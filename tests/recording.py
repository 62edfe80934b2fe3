"""A program that records a fake camera, with its video, until it is ended: `recording.py FOLDER`.

After each frame was handed to the recorder it prints its index and the monotonic time; at the end,
if it comes to one, how it ended.
"""

import sys
from pathlib import Path

from doubles import FakeLive, FakeSink, FakeTracker

from engines import Skeleton
from realtime.loop import run
from realtime.recorder import Recorder
from realtime.screen import Screen
from realtime.video_sink import VideoSink


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Plain:
    def draw(self, frame, pose, stats, settings=None, *, room=None, keys=None):
        return frame.image


class Reporter(FakeSink):
    def take(self, frame, pose, stats):
        say(f"{frame.index} {frame.time_ns}")


folder = Path(sys.argv[1])
with FakeLive() as source:
    sinks = [
        Recorder(folder / "session", source, Skeleton.load("mouse4"), video="lossy"),
        Screen(Plain(), [VideoSink(folder / "video.mp4", fps=200)]),
        Reporter(),
    ]
    say(run(source, FakeTracker(), sinks).ended)
