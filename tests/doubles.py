"""Stand-ins for what a live loop is made of, and pictures that can be told apart."""

import threading
from collections.abc import Iterator
from itertools import count
from time import monotonic_ns

import numpy as np

from engines import Roi
from engines.geometry import Image
from realtime.frame import Frame, Pose, State
from realtime.source import Source

POINTS = 4  # of skeleton mouse4


def numbered(number: int, size: tuple[int, int] = (64, 48)) -> Image:
    """A grey picture that survives lossy coding: `number_of` reads the number, 0 to 40, back."""
    return np.full((size[1], size[0], 3), 10 + 6 * number, np.uint8)


def number_of(image: Image) -> int:
    return round((float(image.mean()) - 9) / 6)


def frames(how_many: int, step_ns: int = 33_000_000) -> list[Frame]:
    return [Frame(numbered(i % 40), i, i * step_ns) for i in range(how_many)]


class FakeTracker:
    """Finds the same four points everywhere, or what `pose` says."""

    def __init__(self, pose: Pose | None = None) -> None:
        points = np.array([[1.0, 2.0], [3.25, 4.5], [5.125, 6.0], [7.0, 8.999]], np.float32)
        confidence = np.array([1.0, 0.5, 0.25, 0.0], np.float32)
        self.pose = pose or Pose(State.TRACK, Roi(4, 5, 16), points, points + 1, confidence)
        self.resets = 0
        self.stages = {"crop": 1.0, "infer": 2.0, "track": 3.0}

    def track(self, frame: Frame) -> Pose:
        return self.pose

    def reset(self) -> None:
        self.resets += 1


class FakeSink:
    """Keeps what it took; raises when told to."""

    def __init__(self, fail_at: int | None = None, fail_close: Exception | None = None) -> None:
        self.taken: list[Frame] = []
        self.ages: list[float] = []
        self.closed = 0
        self._fail_at = fail_at
        self._fail_close = fail_close

    def take(self, frame, pose, stats) -> None:
        if frame.index == self._fail_at:
            raise RuntimeError(f"sink failed at {frame.index}")
        self.taken.append(frame)
        self.ages.append(stats.age_ms)

    def close(self) -> None:
        self.closed += 1
        if self._fail_close:
            raise self._fail_close


class FakeLive(Source):
    """An endless live source, a frame every few milliseconds."""

    live = True
    fps = 200.0
    name = "fake camera"
    size = (64, 48)
    dropped = 0

    def __init__(self) -> None:
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        for index in count():
            if self._closed.wait(0.005):
                return
            yield Frame(numbered(index % 40), index, monotonic_ns())

    def close(self) -> None:
        self._closed.set()
