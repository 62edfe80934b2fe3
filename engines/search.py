"""Where to look for a subject nobody has seen yet: squares over the frame, coarse to fine."""

from functools import lru_cache
from math import ceil, hypot

from engines.geometry import Roi

LEVELS = 4
SHRINK = 1.5  # side of a level's squares over the side of the next finer ones
STEP = 0.5  # between neighbouring squares of a level, at most, in sides


@lru_cache(maxsize=8)
def search_rois(width: int, height: int) -> tuple[Roi, ...]:
    """The squares of one sweep over a frame of `width` x `height` pixels.

    First the square that covers the frame, then finer grids whose neighbours overlap by half;
    inside a level from the middle of the frame outwards. 47 squares for 640 x 480.
    """
    whole = Roi.of_frame(width, height)
    rois: list[Roi] = []
    for level in range(LEVELS):
        side = whole.size / SHRINK**level
        grid = [Roi(x, y, side) for y in _centres(height, side) for x in _centres(width, side)]
        rois += sorted(grid, key=lambda roi: hypot(roi.x - whole.x, roi.y - whole.y))
    return tuple(rois)


def _centres(length: int, side: float) -> list[float]:
    """Centres of the fewest intervals of `side` that cover 0..length-1 and overlap by half."""
    free = length - side
    if free <= 0:
        return [(length - 1) / 2]
    steps = ceil(free / (STEP * side))
    return [(side - 1) / 2 + free * step / steps for step in range(steps + 1)]
