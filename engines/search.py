"""Where to look for a subject nobody has seen yet: squares over the frame, coarse to fine."""

from functools import lru_cache
from math import ceil, hypot, log

from engines.geometry import Roi

FINEST = 0.35  # side of the finest squares over the frame's shorter side: what is an eighth as
# high as the frame, with its margin, fills 0.57 of it
FEWEST = 8  # of the finest squares fit along the longer side, however long that is
SHRINK = 2.4  # side of a level's squares over the side of the next finer ones, at most
STEP = 0.5  # between neighbouring squares of a level, at most, in sides


@lru_cache(maxsize=16)
def search_rois(width: int, height: int, angle: float = 0.0) -> tuple[Roi, ...]:
    """The squares of one sweep over a frame of `width` x `height` pixels.

    First the square that covers the frame, then finer grids whose neighbours overlap by half;
    inside a level from the middle of the frame outwards. 42 squares for 640 x 480, 59 for
    1280 x 720.

    Args:
        angle: by which each square is turned about its own middle.
    """
    whole = Roi.of_frame(width, height)
    finest = max(FINEST * min(width, height), whole.size / FEWEST)
    steps = ceil(log(whole.size / finest) / log(SHRINK))
    rois: list[Roi] = []
    for level in range(steps + 1):
        side = whole.size * (finest / whole.size) ** (level / steps)
        columns, rows = _centres(width, side), _centres(height, side)
        grid = [Roi(x, y, side, angle) for y in rows for x in columns]
        rois += sorted(grid, key=lambda roi: hypot(roi.x - whole.x, roi.y - whole.y))
    return tuple(rois)


def _centres(length: int, side: float) -> list[float]:
    """Centres of the fewest intervals of `side` that cover 0..length-1 and overlap by half."""
    free = length - side
    if free <= 0:
        return [(length - 1) / 2]
    steps = ceil(free / (STEP * side))
    return [(side - 1) / 2 + free * step / steps for step in range(steps + 1)]
