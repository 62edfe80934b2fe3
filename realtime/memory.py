"""A source of pictures already in memory: decoded ahead, for benchmarks and tests."""

from collections.abc import Iterator, Sequence
from itertools import islice
from time import monotonic_ns
from typing import Self

from engines.geometry import Image
from realtime.frame import Frame
from realtime.source import Source, SourceError

AHEAD = 300  # frames decoded into memory, at most,
AHEAD_BYTES = 300 << 20  # and no more than these


def decode(source: Source) -> list[Image]:
    """The first frames of `source` there and back again: a cycle of them has no jump."""
    width, height = source.size
    ahead = max(min(AHEAD, AHEAD_BYTES // (3 * width * height)), 1)
    images = [frame.image for frame in islice(source, ahead)]
    return images + images[-2:0:-1]


class Memory(Source):
    """Yields `images`, (H, W, 3) uint8 BGR, `repeat` times over, `fps` apart in capture time.

    With `written`, each is a copy made when it is asked for: like a picture that a decoder has just
    written it lies in the processor's cache, which the hundreds kept in memory do not.
    """

    live = False

    def __init__(
        self,
        images: Sequence[Image],
        *,
        fps: float = 30.0,
        repeat: int = 1,
        name: str = "memory",
        written: bool = False,
    ) -> None:
        if not images:
            raise SourceError(f"{name}: no pictures to show")
        self.name = name
        self.fps = fps
        self.size = (images[0].shape[1], images[0].shape[0])
        self.dropped = 0
        self._images = list(images)
        self._repeat = repeat
        self._written = written
        self._closed = False

    @classmethod
    def ahead(cls, source: Source, frames: int, *, repeat: int = 1) -> Self:
        """The first `frames` frames of `source`, read now; `source` stays its owner's to close.

        They are handed over at the source's nominal rate, in capture time.
        """
        images = [frame.image for frame in islice(source, frames)]
        return cls(images, fps=source.fps or 30.0, repeat=repeat, name=source.name)

    def __iter__(self) -> Iterator[Frame]:
        start = monotonic_ns()
        for index in range(len(self._images) * self._repeat):
            if self._closed:
                return
            image = self._images[index % len(self._images)]
            if self._written:
                image = image.copy()
            yield Frame(image, index, start + round(index * 1e9 / self.fps))

    def close(self) -> None:
        self._closed = True
