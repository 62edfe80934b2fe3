"""The transfer of motion: from poses of the driver to poses of the reference.

C are the driver's points at the calibration, D now, R those of the reference. A is the similarity
that takes C to R, S the one that takes C to D; both are fitted by least squares. What the driver
does is then in three parts, each free of how large the driver is in the frame, where, and how
tilted at the calibration:

    place   A's factor times (mean D - mean C)
    size and turn   S's factor
    shape   A's factor times (S⁻¹ D - C), for each point

and the reference follows with

    mean R + place + factor * (R + shape - mean R)

So a driver who stands as at the calibration leaves the reference as it is, one who only moves,
turns or comes closer moves it as a whole, and without the limits below and for R = C the answer is
D. Absolute transfer takes A C in the place of R inside the brackets: the driver's own shape.

Poses far from the reference cannot be drawn: the decoder has seen none, and the crop has an end.
Each part is therefore softened: exact up to half of its limit, and never beyond it.
"""

import cmath
from dataclasses import dataclass
from functools import cached_property
from math import exp, log

import numpy as np

from engines.geometry import Points
from realtime.repose.similarity import Plane, Similarity, plane, points_of

PLACE = 0.12  # limit of the way of the whole body, in bodies: the larger side of the box round R
SIZE = log(1.15)  # of the logarithm of its scale
TURN = 0.45  # of its turn, radians
SHAPE = 0.25  # of the way of each point in the body, in bodies


@dataclass(frozen=True, eq=False, kw_only=True)
class Transfer:
    """From the driver's points, in any unit, to poses in the space of `home`.

    Attributes:
        home: (K, 2) the reference's own points, crop space [-1, 1].
        calibration: (K, 2) the driver's points that stand for `home`.
        relative: move the reference's own shape; otherwise take the driver's.
        upright: whether the subject has an up, so that its turn is limited.
    """

    home: Points
    calibration: Points
    relative: bool = True
    upright: bool = True

    @cached_property
    def _home(self) -> Plane:
        return plane(self.home)

    @cached_property
    def _calibration(self) -> Plane:
        return plane(self.calibration)

    @cached_property
    def _fit(self) -> Similarity:
        return Similarity.fit(self._calibration, self._home)

    @cached_property
    def body(self) -> float:
        """Larger side of the box round `home`."""
        return float(np.ptp(self.home, axis=0).max()) or 1.0

    def pose(self, driver: Points) -> Points:
        """`driver` (K, 2), finite -> (K, 2) float32 in [-1, 1]: where the reference's points go."""
        own = plane(driver)
        moved = Similarity.fit(self._calibration, own)
        base = self._calibration if self.relative else self._fit.undo(self._home)
        shape = soften(self._fit.factor * (moved.undo(own) - base), SHAPE * self.body)
        middle = complex(self._home.mean())
        way = np.array([self._fit.factor * complex((own - self._calibration).mean())])
        place = complex(soften(way, PLACE * self.body)[0])
        size, turn = log(abs(moved.factor)), cmath.phase(moved.factor)
        factor = cmath.rect(exp(_soft(size, SIZE)), _soft(turn, TURN) if self.upright else turn)
        pose = middle + place + factor * (self._home + shape - middle)
        return np.clip(points_of(pose), -1, 1)


def soften(ways: Plane, limit: float) -> Plane:
    """Each of `ways` with its direction and a length that is softened, as `_soft` does."""
    length = np.abs(ways)
    far = length > limit / 2
    if not far.any():
        return ways
    softer = limit / 2 * (1 + np.tanh(2 * length / limit - 1))
    return np.where(far, ways * (softer / np.where(far, length, 1)), ways)


def _soft(value: float, limit: float) -> float:
    """`value` up to half of `limit`; beyond, towards it along a tanh, without a kink."""
    return float(soften(np.array([value], np.complex128), limit)[0].real)
