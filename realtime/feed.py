"""An open camera or network stream as it is read, whatever library reads it."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from engines.geometry import Image

OPEN_S, READ_S = 10.0, 4.0  # that a network stream may take to answer, and between two pictures
OLDEST_NS = 2_000_000_000  # that a camera's own time of a picture may lie back


class Feed(Protocol):
    """Pictures of one camera or stream; one thread reads and releases it.

    Attributes:
        fps: the nominal rate, or None if it does not know one.
        pixels: how its pixels are sent, as in "MJPG"; None if it does not tell.
        got: what a camera made of what was asked of it, by the option's name; sizes are left to
            the pictures.
        ends: whether it is a video with an end, not a camera.
    """

    @property
    def fps(self) -> float | None: ...

    @property
    def pixels(self) -> str | None: ...

    @property
    def got(self) -> Mapping[str, object]: ...

    @property
    def ends(self) -> bool: ...

    def read(self) -> tuple[Image, int]:
        """Wait for the next picture (H, W, 3) uint8 BGR, and its capture time.

        The time is the kernel's of the capture where the camera has one on our clock, else when
        the picture arrived, before it was decoded; `time.monotonic_ns()` clock.

        Raises:
            SourceError: there are no more.
        """

    def release(self) -> None: ...


Opener: TypeAlias = Callable[[], Feed]


def stamp(camera_ns: float | None, now_ns: int) -> int:
    """When a picture that arrived at `now_ns` was captured, by the camera's own time if it is good.

    Drivers count on clocks of their own, or not at all; a time in the future or long past is one.
    """
    if camera_ns is None or not 0 <= now_ns - camera_ns <= OLDEST_NS:
        return now_ns
    return round(camera_ns)
