"""What the tests of streams send, and how they wait for it."""

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from doubles import numbered

from engines import Roi, Skeleton
from realtime.frame import Frame, Pose, State
from realtime.recorder import clock
from realtime.stream.address import Address
from realtime.stream.message import Hello
from realtime.stream.outlets import open_stream
from realtime.stream.stream import Stream
from realtime.timing import Timings

SIZE = (64, 48)
MOUSE, FACE = Skeleton.load("mouse4"), Skeleton.load("face68")
PATIENCE_S = 30.0

T = TypeVar("T")


def hello(skeleton: Skeleton = MOUSE, source: str = "test") -> Hello:
    return Hello(
        model="made up",
        skeleton=skeleton,
        source=source,
        live=True,
        fps=30.0,
        size=SIZE,
        anchor=clock,
    )


def frame(number: int, dropped: int = 0) -> Frame:
    return Frame(numbered(number % 40, SIZE), number, 5_000_000_000 + number * 40_000_000, dropped)


def found(points: np.ndarray) -> Pose:
    """A pose whose smoothed points are `points` (K, 2), each with its own confidence."""
    points = np.asarray(points, np.float32)
    confidence = np.linspace(0.5, 1, len(points), dtype=np.float32)
    return Pose(State.TRACK, Roi(30.0, 20.0, 20.0), points - 1, points, confidence)


POINTS = np.array([[0, 0], [16, 12], [32, 24], [64, 48]], np.float32)
HERE, NOWHERE = found(POINTS), Pose(State.SEARCH)


def stream_to(text: str, skeleton: Skeleton = MOUSE, source: str = "test") -> Stream:
    return open_stream(Address.parse(text), hello(skeleton, source))


def send(stream: Stream, number: int, pose: Pose = HERE) -> None:
    """Put one frame through, and wait until it is sent."""
    before = stream.sender.sent + stream.sender.failed
    stream.take(frame(number), pose, Timings())
    until(lambda: stream.sender.sent + stream.sender.failed > before)


def until(what: Callable[[], T]) -> T:
    """What `what` answers as soon as that is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := what()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.002)
    return answer
