"""How long it takes from the screen through the camera into the program.

The window flips between black and white at random moments, and the camera looks at it. A flip is
seen when the pixels that the window covers in the camera's picture have gone half of the way. What
is measured is the way screen, light, camera, driver, decoding. A program that shows what the camera
sees has the same way, walked from the other end, plus its own work: the "loop" of `keycam bench`.
"""

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from threading import Event
from time import monotonic_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.geometry import Image
from realtime.frame import Frame
from realtime.machine import machine, versions
from realtime.screen import Output
from realtime.source import Source, SourceError, open_source
from realtime.table import latency_table
from realtime.timing import Percentiles
from realtime.window import Window

FLIPS = 100
SETTLE_S = 1.0  # for the camera to get used to black, and to white
HOLD_S = (0.05, 0.25)  # from seeing a flip to the next one, at random: no beat with the camera
PATIENCE_S = 3.0  # for a flip to be seen
LEAST_CHANGE = 24.0  # levels between black and white where the camera sees the window
LEAST_SHARE = 0.005  # of the camera's pixels that must


@dataclass(frozen=True, kw_only=True)
class Latency:
    """One measurement: from a flip's `show` to the first frame in hand that shows it."""

    source: str
    fps: float
    seen: float  # share of the camera's pixels that see the window
    times: Percentiles

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON with this machine and these versions."""
        about = {"source": self.source, "fps": self.fps, "seen": self.seen}
        latency = {**about, "screen_to_program": asdict(self.times)}
        return {"machine": machine(), "versions": versions(), "latency": latency}

    def to_text(self) -> str:
        return "\n".join(
            [
                f"source    {self.source}, {self.fps:.1f} frames per second measured, "
                f"the window fills {self.seen:.0%} of the picture",
                "",
                latency_table({"latency": self.times}, None),
                "",
                "from showing a flip on the screen to the first frame in memory that shows it; "
                "camera to screen is this plus the loop",
            ]
        )


def latency(source: str = "0", *, flips: int = FLIPS) -> Latency:
    """Measure with a window on this machine's display and the camera `source`.

    Raises:
        DataError: there is no display.
        SourceError: the camera cannot be had, is none, or does not see the window.
    """
    if not Window.available():
        raise DataError("no display to flash on; set DISPLAY to an X server")
    with open_source("0" if source == "synthetic:" else source) as camera:
        window = Window(Event(), "keycam latency: point the camera here")
        try:
            return measure(camera, window, flips=flips)
        finally:
            window.close()


def measure(camera: Source, display: Output, *, flips: int = FLIPS, seed: int = 0) -> Latency:
    """Flip `display` and look at it with `camera`; both stay their owners'.

    Raises:
        SourceError: `camera` is not live, or does not see the display.
    """
    if not camera.live:
        raise SourceError(f"{camera.name} is no camera; its pictures cannot show the screen")
    look = _Look(camera, display)
    times, rng = [], random.Random(seed)
    for flip in range(flips):
        look.wait(rng.uniform(*HOLD_S))
        times.append(look.time_flip(white=flip % 2 == 1))
    return Latency(source=camera.name, fps=look.fps, seen=look.seen, times=Percentiles.of(times))


class _Look:
    """The camera's view of the display, learnt from black and from white."""

    def __init__(self, camera: Source, display: Output) -> None:
        self._name = camera.name
        self._frames: Iterator[Frame] = iter(camera)
        self._display = display
        self._started, self._taken = monotonic_ns(), 0
        black, white = (self._settled(level) for level in (0, 255))
        change = (white - black).mean(axis=2)
        mask = change > max(LEAST_CHANGE, float(change.max()) / 2)
        self.seen = float(mask.mean())
        if self.seen < LEAST_SHARE:
            raise SourceError(
                f"{camera.name} does not see the window flash; point it at the screen, close up"
            )
        self._mask = mask
        self._black, self._white = (float(own[mask].mean()) for own in (black, white))

    @property
    def fps(self) -> float:
        """Frames taken over the time since the start."""
        return self._taken / ((monotonic_ns() - self._started) / 1e9)

    def wait(self, seconds: float) -> Image:
        """Take frames for a while; the newest is returned."""
        until, image = monotonic_ns() + round(seconds * 1e9), self._next()
        while monotonic_ns() < until:
            image = self._next()
        return image

    def time_flip(self, *, white: bool) -> float:
        """Milliseconds from showing the flip to the first frame that shows it."""
        shown = self._show(255 if white else 0)
        half = (self._black + self._white) / 2
        while (now := monotonic_ns()) - shown < PATIENCE_S * 1e9:
            level = float(self._next()[self._mask].mean())
            if (level > half) == white:
                return (monotonic_ns() - shown) / 1e6
        raise SourceError(
            f"{self._name} lost sight of the window: a flip was not seen for "
            f"{(now - shown) / 1e9:.0f} s; keep both still"
        )

    def _settled(self, level: int) -> NDArray[np.float64]:
        self._show(level)
        self.wait(SETTLE_S)
        mean: NDArray[np.float64] = np.mean([self._next() for _ in range(3)], axis=0)
        return mean

    def _show(self, level: int) -> int:
        """Fill the display; when that was done."""
        picture = np.full((480, 640, 3), level, np.uint8)
        self._display.show(picture, Frame(picture, 0, monotonic_ns()))
        return monotonic_ns()

    def _next(self) -> Image:
        frame = next(self._frames, None)
        if frame is None:
            raise SourceError(f"{self._name} ended")
        self._taken += 1
        return frame.image
