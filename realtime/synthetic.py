"""The source `synthetic:`: a drawn, moving, speaking face whose 68 points are known exactly."""

import re
from collections.abc import Iterator
from itertools import count
from time import monotonic_ns

from engines.geometry import Points
from realtime.frame import Frame
from realtime.pace import Pace
from realtime.portrait import Portrait
from realtime.puppet import Puppet
from realtime.source import Source, SourceError

_SIZE = re.compile(r"([0-9]{1,4})x([0-9]{1,4})")
SMALLEST, LARGEST = 64, 4096  # sides of a frame, pixels


class Synthetic(Source):
    """Frames `fps` apart in capture time; the same seed and size give the same frames.

    Args:
        frames: how many; None for no end.
        size: (width, height), pixels.
        realtime: yield them at `fps`, not as fast as they can be drawn.
    """

    live = False

    def __init__(
        self,
        seed: int = 0,
        frames: int | None = None,
        size: tuple[int, int] = (640, 480),
        fps: float = 30.0,
        *,
        realtime: bool = False,
    ) -> None:
        self.name = f"synthetic:seed={seed},size={size[0]}x{size[1]},fps={fps:g}"
        self.fps = fps
        self.size = size
        self.dropped = 0
        self.frames = frames
        self._rate = fps
        self._puppet = Puppet(seed, size)
        self._portrait = Portrait(seed, size)
        self._start = monotonic_ns()
        self._pace = Pace(on=realtime)
        self._closed = False

    def truth(self, index: int) -> Points:
        """The points of skeleton face68 in frame `index`: (68, 2) float32 frame pixels."""
        return self._puppet.truth(index / self._rate)

    def frame(self, index: int) -> Frame:
        """Draw frame `index`."""
        image = self._portrait.draw(self._puppet.head(index / self._rate), index)
        return Frame(image, index, self._start + round(index * 1e9 / self._rate))

    def __iter__(self) -> Iterator[Frame]:
        for index in count() if self.frames is None else range(self.frames):
            if self._closed:
                return
            frame = self.frame(index)
            self._pace.wait(frame.time_ns)
            yield frame

    def close(self) -> None:
        self._closed = True


def open_synthetic(text: str, *, realtime: bool = False) -> Synthetic:
    """Read `synthetic:` with options as in `synthetic:seed=3,frames=300,size=640x480,fps=30`.

    Raises:
        SourceError: an option that is unknown, or has no such value.
    """
    options = text.removeprefix("synthetic:")
    pairs = [pair.partition("=") for pair in options.split(",")] if options else []
    values = {name.strip(): value.strip() for name, _, value in pairs}
    if unknown := sorted(set(values) - {"seed", "frames", "size", "fps"}):
        raise SourceError(f"{text}: no option '{unknown[0]}'; there are seed, frames, size and fps")
    frames = _number(values, "frames", 0, 1, 10**9)
    return Synthetic(
        seed=_number(values, "seed", 0, 0, 2**32 - 1),
        frames=frames or None,
        size=_size(values.get("size", "640x480")),
        fps=float(_number(values, "fps", 30, 1, 1000)),
        realtime=realtime,
    )


def _number(values: dict[str, str], name: str, default: int, low: int, high: int) -> int:
    text = values.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not low <= int(text) <= high:
        raise SourceError(f"synthetic: {name}={text} is not a whole number from {low} to {high}")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(SMALLEST <= side <= LARGEST for side in size):
        raise SourceError(
            f"synthetic: size={text} is not WIDTHxHEIGHT with sides from {SMALLEST} to {LARGEST}"
        )
    return size
