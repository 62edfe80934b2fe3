"""The sink that draws: once per frame, for as many outputs as want the picture."""

from collections.abc import Sequence
from time import monotonic_ns
from typing import Protocol

from engines.geometry import Image
from realtime.frame import Frame, Pose
from realtime.loop import closing_all
from realtime.timing import Timings


class Draws(Protocol):
    def draw(self, frame: Frame, pose: Pose, stats: Timings) -> Image:
        """A new picture (H, W, 3) uint8 BGR; `frame.image` is not changed."""


class Output(Protocol):
    """Takes the drawn pictures: a window, a video file."""

    def show(self, picture: Image, frame: Frame) -> None:
        """`picture` (H, W, 3) uint8 BGR is drawn from `frame` and not to be changed."""

    def close(self) -> None: ...


class Screen:
    """Draws every frame once, times it as the stage "draw", and gives it to all outputs."""

    def __init__(self, overlay: Draws, outputs: Sequence[Output]) -> None:
        self._overlay = overlay
        self._outputs = tuple(outputs)

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        started = monotonic_ns()
        picture = self._overlay.draw(frame, pose, stats)
        stats.add("draw", (monotonic_ns() - started) / 1e6)
        for output in self._outputs:
            output.show(picture, frame)

    def close(self) -> None:
        with closing_all(self._outputs):
            pass
