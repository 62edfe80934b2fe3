"""Similarities of the plane: a turn, one scale and a shift, without reflection."""

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engines.geometry import Points

Plane: TypeAlias = NDArray[np.complex128]  # points as x + iy: a similarity is z -> a z + b


@dataclass(frozen=True)
class Similarity:
    """z -> factor * z + shift.

    Attributes:
        factor: its absolute value scales, its argument turns, clockwise as seen on screen.
    """

    factor: complex
    shift: complex

    @classmethod
    def fit(cls, start: Plane, end: Plane) -> Self:
        """The one that takes `start` (K,) closest to `end` (K,), by least squares.

        Umeyama, Least-squares estimation of transformation parameters between two point patterns,
        TPAMI 1991, in its complex form. Where all of `start` is one point, a shift.
        """
        start_mean, end_mean = complex(start.mean()), complex(end.mean())
        own, other = start - start_mean, end - end_mean
        spread = float(np.vdot(own, own).real)
        factor = complex(np.vdot(own, other)) / spread if spread > 0 else 1 + 0j
        if factor == 0:
            factor = 1 + 0j  # all of `end` is one point, or nothing of the shape is left
        return cls(factor, end_mean - factor * start_mean)

    def __call__(self, points: Plane) -> Plane:
        return self.factor * points + self.shift

    def undo(self, points: Plane) -> Plane:
        return (points - self.shift) / self.factor


def plane(points: Points) -> Plane:
    """(K, 2) -> (K,)."""
    return np.array(points, np.float64, order="C").view(np.complex128)[:, 0]


def points_of(own: Plane) -> Points:
    """(K,) -> (K, 2) float32."""
    return np.ascontiguousarray(own).view(np.float64).reshape(-1, 2).astype(np.float32)
