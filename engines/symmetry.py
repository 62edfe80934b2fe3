"""How a pose is turned in the picture: the axis about which a body is its own mirror image."""

import cmath

import numpy as np

from engines.geometry import Points
from engines.skeleton import Skeleton

LEAST = 0.1  # share of a pose's spread that must speak for one axis, or it has none


class Symmetry:
    """The axis of a skeleton's poses, found from its mirror pairs without any labels.

    In a body that stands upright and faces the camera the two points of a mirror pair lie beside
    each other, and the middles of all pairs, with the points that have no pair, on one vertical
    line. The turn that comes nearest to that in the sense of least squares, each point weighed by
    its confidence, has a closed form. With s half the way from one point of a pair to the other
    and m its middle less the mean of all middles, both as complex numbers x + iy, it is half the
    argument of sum(s^2) - sum(m^2): the second moments of the pose along and across the axis,
    each taken from the side that a mirror keeps apart. Head and foot, left and right may change
    places without changing it, so it is known up to half a turn. Seen from the side the pairs fall
    together and the middles alone decide.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        paired = {end for pair in skeleton.mirror for end in pair}
        single = [k for k in range(len(skeleton.keypoints)) if k not in paired]
        self._left = np.array([a for a, _ in skeleton.mirror] + single, np.intp)
        self._right = np.array([b for _, b in skeleton.mirror] + single, np.intp)
        self._count = np.where(self._left == self._right, 1.0, 2.0)  # points of each entry
        self.known = bool(skeleton.mirror) and skeleton.rotation == "upright"

    def turn(self, keypoints: Points, confidence: Points) -> float:
        """How far `keypoints` (K, 2) are turned clockwise as seen on screen, radians in
        [-pi/2, pi/2].

        0 where the skeleton has no up or no mirror pairs, and where the pose has no clear axis.

        Args:
            confidence: (K,) in [0, 1].
        """
        if not self.known:
            return 0.0
        z = keypoints.astype(np.float64, order="C").view(np.complex128)[:, 0]
        left, right = z[self._left], z[self._right]
        sure = np.minimum(confidence[self._left], confidence[self._right]) * self._count
        total = float(np.add.reduce(sure))
        if total <= 0:
            return 0.0
        middle = (left + right) / 2
        middle -= complex(sure @ middle) / total
        across, along = sure @ ((right - left) / 2) ** 2, sure @ middle**2
        axis = complex(across - along)
        spread = float(sure @ np.abs(middle) ** 2 + sure @ np.abs(right - left) ** 2 / 4)
        return cmath.phase(axis) / 2 if abs(axis) > LEAST * spread else 0.0
