"""Smooth shapes with sub-pixel positions, drawn with OpenCV."""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Points

Color = tuple[int, int, int]  # BGR
_SHIFT = 4  # binary digits after the point in OpenCV's drawing coordinates
_STEPS = 4  # drawn points per given point of a curve


def fill(image: Image, points: NDArray[np.floating[Any]], color: Color) -> None:
    """Fill the polygon `points` (N, 2), frame pixels, with soft edges."""
    cv2.fillPoly(image, [_fixed(points)], color, cv2.LINE_AA, _SHIFT)


def stroke(image: Image, points: NDArray[np.floating[Any]], color: Color, thickness: float) -> None:
    """Draw the open line `points` (N, 2), frame pixels."""
    wide = max(1, round(thickness))
    cv2.polylines(
        image,
        [_fixed(points)],
        isClosed=False,
        color=color,
        thickness=wide,
        lineType=cv2.LINE_AA,
        shift=_SHIFT,
    )


def curve(points: NDArray[np.floating[Any]], *, closed: bool) -> Points:
    """A smooth line through all of `points` (N, 2): (M, 2), Catmull-Rom."""
    return (_spline(len(points), closed) @ points).astype(np.float32)


def oval(x: float, y: float, z: float, wide: float, high: float) -> NDArray[np.float64]:
    """(16, 3): an upright ellipse with these half axes at one depth of model space."""
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    return np.stack([x + wide * np.cos(turn), y + high * np.sin(turn), np.full(16, z)], axis=1)


def _fixed(points: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    return np.asarray(np.rint(points * (1 << _SHIFT)), np.int32)


@lru_cache
def _spline(count: int, closed: bool) -> Points:  # noqa: FBT001 (a key of the cache)
    """(M, count) matrix that takes control points to points of the curve."""
    spans = count if closed else count - 1
    u = np.linspace(0, 1, _STEPS, endpoint=False)
    weights = 0.5 * np.stack(
        [-u + 2 * u**2 - u**3, 2 - 5 * u**2 + 3 * u**3, u + 4 * u**2 - 3 * u**3, u**3 - u**2]
    )
    matrix = np.zeros((spans * _STEPS + (not closed), count))
    for span in range(spans):
        rows = slice(span * _STEPS, (span + 1) * _STEPS)
        for offset, column in enumerate(weights, start=-1):
            knot = (span + offset) % count if closed else min(max(span + offset, 0), count - 1)
            matrix[rows, knot] += column
    if not closed:
        matrix[-1, -1] = 1
    return matrix.astype(np.float32)
