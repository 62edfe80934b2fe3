"""Which end is which, over time: a subject without an up must not flicker end for end."""

import numpy as np

from engines.geometry import Points
from engines.lookalikes import Reading, lookalikes, readings
from engines.skeleton import Skeleton

PLAIN = Reading()
INSIST = 6.0  # confident contradictions after which the network is believed


class Reader:
    """Reads each answer of the network as the last pose suggests, until the network insists.

    Between two frames a subject does not change ends: among the lookalikes of an answer (see
    `engines.lookalikes`) the one nearest to the last pose is taken. But the first answer may have
    been the wrong one. So every answer is also a vote that weighs its mean confidence c: one that
    had to be read otherwise adds c to the doubt, one that agrees takes 2c away, down to 0 (a
    one-sided CUSUM test: Page, Continuous Inspection Schemes, Biometrika 41, 1954). When the doubt
    reaches INSIST, the answer is taken as it is. A network that is sure corrects a wrong start
    after 6 to 12 frames with a single turn; one that contradicts itself in fewer than two of three
    frames is held to what it began with.

    Where the subject has an up, or only one reading, answers pass unchanged.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        self._readings = readings(skeleton) if skeleton.rotation == "any" else (PLAIN,)
        self.reset()

    def reset(self) -> None:
        """Forget the last pose: what follows is what a fresh reader would answer."""
        self._last: Points | None = None
        self._doubt = 0.0

    def read(self, points_px: Points, confidence: Points) -> tuple[Points, Points]:
        """Keypoints (K, 2), frame pixels, and confidence (K,) of an answer, in its best reading."""
        if len(self._readings) == 1:
            return points_px, confidence
        every = lookalikes(points_px, self._skeleton)  # (R, K, 2)
        best = 0
        if self._last is not None:
            best = int(np.linalg.norm(every - self._last, axis=-1).mean(axis=-1).argmin())
        trust = float(confidence.mean())
        self._doubt = self._doubt + trust if best else max(self._doubt - 2 * trust, 0.0)
        if self._doubt >= INSIST:
            best, self._doubt = 0, 0.0
        self._last = every[best]
        if self._readings[best].swapped:
            confidence = confidence[list(self._skeleton.flipped)]
        return self._last, confidence
