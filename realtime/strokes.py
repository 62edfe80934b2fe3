"""Lines with soft edges and sub-pixel positions, drawn with OpenCV.

OpenCV draws a line of one pixel five times as fast as any wider one, whose corners all get round
caps. So lines up to FINE pixels wide are drawn as rails: lines of one pixel beside each other.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Points

SHIFT = 4  # coordinates are handed to OpenCV in 1/16 pixel
FAR_PX = 1e5  # nothing beyond is handed to OpenCV
FINE = 2  # pixels

Stroke: TypeAlias = NDArray[np.int32]  # (n, 2), 1/16 pixel
Color: TypeAlias = tuple[int, ...]  # BGR


class Paths:
    """Unbroken lines through points that are named by their numbers."""

    def __init__(self, paths: Sequence[Sequence[int]]) -> None:
        ends = np.cumsum([0, *map(len, paths)]).tolist()
        self._cuts = [slice(start, end) for start, end in pairwise(ends)]
        self._points = np.array([point for path in paths for point in path], np.intp)
        before = [path[max(i - 1, 0)] for path in paths for i in range(len(path))]
        after = [path[min(i + 1, len(path) - 1)] for path in paths for i in range(len(path))]
        self._before, self._after = np.array(before, np.intp), np.array(after, np.intp)

    def __len__(self) -> int:
        return len(self._cuts)

    def along(self, points: Points) -> list[Stroke]:
        """The lines through `points` (K, 2), frame pixels."""
        strokes = fixed(points[self._points])
        return [strokes[cut] for cut in self._cuts]

    def beside(self, points: Points, offsets: Sequence[float]) -> list[list[Stroke]]:
        """Per path, a line at each of `offsets`, pixels to its right as seen along it."""
        z = within(points).astype(np.float64).view(np.complex128)[:, 0]
        ahead = z[self._after] - z[self._before]
        right = ahead * (1j / np.maximum(np.abs(ahead), 1e-6))
        beside = z[self._points] + np.array(offsets)[:, None] * right
        strokes = fixed(beside.view(np.float64).reshape(len(offsets), -1, 2))
        return [list(strokes[:, cut]) for cut in self._cuts]


def within(points: Points) -> Points:
    """Where OpenCV can count to."""
    return np.minimum(np.maximum(points, -FAR_PX), FAR_PX)


def fixed(points: NDArray[np.floating]) -> Stroke:
    """Frame pixels to OpenCV's 1/16 pixel."""
    return np.rint(within(points) * (1 << SHIFT)).astype(np.int32)


def draw(picture: Image, strokes: Sequence[Stroke], color: Color, width: int) -> None:
    if len(strokes):
        cv2.polylines(picture, strokes, False, color, width, cv2.LINE_AA, SHIFT)  # noqa: FBT003


def draw_rimmed(
    picture: Image,
    points: Points,
    paths: Paths,
    colors: Sequence[tuple[Color, Sequence[int]]],
    width: int,
    rim: int,
    black: Color,
) -> None:
    """Draw `paths` on a rim.

    Args:
        colors: each with the numbers of its paths.
        width: of the coloured lines, pixels.
        rim: of `black`, both sides together, pixels.
    """
    if width > FINE:
        strokes = paths.along(points)
        draw(picture, strokes, black, width + rim)
        for color, numbers in colors:
            draw(picture, [strokes[i] for i in numbers], color, width)
        return
    beside = paths.beside(points, rails(width, rim))
    draw(picture, [line for own in beside for line in own[::3]], black, 1)
    for color, numbers in colors:
        draw(picture, [line for i in numbers for line in beside[i][1:3]], color, 1)


def draw_dots(picture: Image, points: Points, color: Color, size: int) -> None:
    """Round dots `size` pixels wide at `points` (K, 2): strokes of no length."""
    draw(picture, list(np.repeat(fixed(points)[:, None], 2, axis=1)), color, size)


def rails(width: int, rim: int) -> tuple[float, float, float, float]:
    """Offsets of the rails that stand for a line `width` wide, at most FINE, on a rim of black.

    The first and the last are the rim's. As far apart as this they close up, and look as wide as
    OpenCV's own lines.
    """
    core = (width - 1) * 0.6
    edge = core + (1 + rim) / 2
    return -edge, -core, core, edge
