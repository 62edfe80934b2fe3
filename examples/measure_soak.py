"""Hours of a camera in minutes: python examples/measure_soak.py FRAMES

Takes FRAMES frames of the built-in clip, 30 per second of their own time, as fast as it can through
the whole loop: tracker, overlay and recorder. Prints memory and speed on the way, and at the end by
how much memory has grown since the first 5,000 frames, or the first twentieth. Linux.
"""

import os
import sys
import tempfile
from pathlib import Path
from time import monotonic

from engines import load
from engines.engine import locate
from realtime.frame import Frame, Pose
from realtime.loop import run
from realtime.memory import Memory
from realtime.overlay import Overlay
from realtime.recorder import Recorder, describe_model
from realtime.screen import Screen
from realtime.source import open_source
from realtime.timing import Timings
from realtime.tracker import Tracker
from realtime.verdict import validate

MODEL = "face68"
PICTURES = 60  # drawn once, then shown there and back again
SETTLED = 5000  # frames in which buffers of all kinds get their size
LINES = 20  # printed in all


class Meter:
    """A sink that notes memory now and then.

    Attributes:
        settled_mb: once it has settled.
        most_mb: at any look after that.
    """

    def __init__(self, frames: int) -> None:
        self.settled = min(SETTLED, max(frames // 20, 1))
        self.settled_mb = self.most_mb = 0.0
        self._every = max(frames // LINES, 1)
        self._started = monotonic()

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        done = stats.frames + 1
        if done == self.settled:
            self.settled_mb = self.most_mb = resident_mb()
        elif done > self.settled and done % (self._every // 10 or 1) == 0:
            self.most_mb = max(self.most_mb, resident_mb())
        if done % self._every == 0:
            rate = done / (monotonic() - self._started)
            print(f"{done:>9} frames {resident_mb():8.1f} MB {rate:7.0f} a second", flush=True)

    def close(self) -> None:
        pass


class Nowhere:
    """An output that throws the drawn pictures away."""

    def show(self, picture: object, frame: Frame) -> None:
        pass

    def close(self) -> None:
        pass


def main(frames: int) -> None:
    with tempfile.TemporaryDirectory() as folder, open_source("synthetic:size=320x240") as clip:
        engine = load(MODEL, "cpu")
        skeleton = engine.card.skeleton
        ahead = [frame.image for _, frame in zip(range(PICTURES), clip, strict=False)]
        circle = ahead + ahead[-2:0:-1]
        source = Memory(circle, repeat=frames // len(circle) + 1)
        session = Path(folder) / "session"
        recorder = Recorder(session, source, skeleton, model=describe_model(engine, locate(MODEL)))
        meter = Meter(frames)
        screen = Screen(Overlay(skeleton), [Nowhere()])
        report = run(source, Tracker(engine), [screen, recorder, meter], frames=frames)
        engine.close()
        size = (session / "poses.jsonl").stat().st_size / 1e6
        verdict = validate(session)
    minutes = verdict.span_s / 60
    print(f"{report.frames} frames, {minutes:.1f} minutes of a camera, {size:.0f} MB of poses")
    print(f"session {'valid' if verdict.valid else 'not valid'}, {verdict.frames} recorded")
    grown = meter.most_mb - meter.settled_mb
    print(f"memory grew by {grown:.1f} MB after the first {meter.settled} frames")


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main(int(sys.argv[1]))
