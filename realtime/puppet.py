"""A head of 68 points that moves like somebody talking: pure functions of a seed and the time.

Model space: x to the right of the picture, y down, z towards the camera; the head's origin lies
between the eyes' lower lids and the nose, half a face's width is 1.
"""

from dataclasses import dataclass
from math import cos, sin, tau

import numpy as np
from numpy.typing import NDArray

from engines.geometry import Points
from engines.skeleton import Skeleton

EYE_DISTANCE = 9.0  # of the camera, in model units: a mild perspective

# (index, x, y, z) of the picture's left half and the middle line; the right half mirrors it.
_HALF = (
    (0, -1.0, -0.28, -0.38), (1, -0.985, 0.0, -0.38), (2, -0.945, 0.27, -0.35),
    (3, -0.87, 0.53, -0.3), (4, -0.75, 0.77, -0.24), (5, -0.58, 0.97, -0.16),
    (6, -0.38, 1.12, -0.07), (7, -0.19, 1.21, 0.0), (8, 0.0, 1.24, 0.03),
    (17, -0.82, -0.48, -0.12), (18, -0.68, -0.6, 0.0), (19, -0.51, -0.63, 0.08),
    (20, -0.34, -0.59, 0.14), (21, -0.17, -0.52, 0.18),
    (27, 0.0, -0.28, 0.2), (28, 0.0, -0.1, 0.3), (29, 0.0, 0.08, 0.41), (30, 0.0, 0.25, 0.5),
    (31, -0.2, 0.36, 0.2), (32, -0.1, 0.39, 0.27), (33, 0.0, 0.41, 0.31),
    (36, -0.62, -0.25, 0.0), (37, -0.52, -0.35, 0.06), (38, -0.36, -0.355, 0.07),
    (39, -0.25, -0.24, 0.04), (40, -0.36, -0.185, 0.06), (41, -0.52, -0.185, 0.05),
    (48, -0.38, 0.72, 0.08), (49, -0.25, 0.66, 0.17), (50, -0.09, 0.62, 0.23),
    (51, 0.0, 0.64, 0.25), (57, 0.0, 0.87, 0.22), (58, -0.1, 0.86, 0.2), (59, -0.25, 0.81, 0.14),
    (60, -0.33, 0.72, 0.09), (61, -0.1, 0.71, 0.18), (62, 0.0, 0.715, 0.2),
    (66, 0.0, 0.735, 0.2), (67, -0.1, 0.73, 0.18),
)  # fmt: skip
_LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))  # (upper, lower)
_BROWS = slice(17, 27)
_UPPER_LIP = (49, 50, 51, 52, 53, 61, 62, 63)
_CORNERS = (48, 54, 60, 64)


def _shape() -> NDArray[np.float64]:
    """(68, 3): the face at rest."""
    shape = np.zeros((68, 3))
    flipped = Skeleton.load("face68").flipped
    for index, x, y, z in _HALF:
        shape[index] = (x, y, z)
        shape[flipped[index]] = (-x, y, z)
    return shape


SHAPE = _shape()
# How far each point goes down with the jaw: lower lip and chin, 0 at the mouth's corners and ears.
_JAW = np.zeros(68)
_JAW[[4, 5, 6, 7, 8, 9, 10, 11, 12]] = (0.25, 0.6, 0.85, 1, 1, 1, 0.85, 0.6, 0.25)
_JAW[[48, 60, 54, 64]] = 0.35
_JAW[[55, 56, 57, 58, 59, 65, 66, 67]] = (0.85, 1, 1, 1, 0.85, 1, 1, 1)


@dataclass(frozen=True, eq=False)
class Head:
    """Where a head is in the frame at one moment, and what its face does.

    Attributes:
        x, y: the origin of model space, frame pixels.
        scale: pixels per model unit.
        yaw, pitch, roll: radians; positive turns to the picture's right, looks down, and turns
            clockwise.
        blink, mouth, smile, brow: 0 at rest, 1 full.
        gaze: (x, y), each in [-1, 1].
    """

    x: float
    y: float
    scale: float
    yaw: float
    pitch: float
    roll: float
    blink: float
    mouth: float
    smile: float
    brow: float
    gaze: tuple[float, float]

    def face(self) -> NDArray[np.float64]:
        """(68, 3): the points in model space with the expression."""
        shape = SHAPE.copy()
        for upper, lower in _LIDS:
            shape[upper] += 0.9 * self.blink * (shape[lower] - shape[upper])
        shape[_BROWS, 1] -= 0.09 * self.brow
        shape[:, 1] += 0.26 * self.mouth * _JAW
        shape[list(_UPPER_LIP), 1] -= 0.03 * self.mouth
        for corner in _CORNERS:
            shape[corner] *= (1 + 0.12 * self.smile - 0.1 * self.mouth, 1 - 0.09 * self.smile, 1)
        return shape

    def project(self, points: NDArray[np.float64]) -> Points:
        """Model points (N, 3) to frame pixels (N, 2) float32."""
        cy, sy = cos(self.yaw), sin(self.yaw)
        cp, sp = cos(self.pitch), sin(self.pitch)
        cr, sr = cos(self.roll), sin(self.roll)
        yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
        roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        turned = points @ (roll @ pitch @ yaw).T
        depth = self.scale * EYE_DISTANCE / (EYE_DISTANCE - turned[:, 2:])
        pixels = turned[:, :2] * depth + (self.x, self.y)
        return np.asarray(pixels, np.float32)


class Puppet:
    """Moves a head inside frames of `size`; one seed, one performance."""

    def __init__(self, seed: int, size: tuple[int, int]) -> None:
        rng = np.random.default_rng(seed)
        self._width, self._height = size
        self._unit = 0.2 * min(size[1], 0.8 * size[0])  # pixels per model unit, on average
        self._phase: list[float] = rng.uniform(0, 1, 16).tolist()
        self._rate: list[float] = rng.uniform(0.8, 1.2, 16).tolist()

    def head(self, time_s: float) -> Head:
        scale = self._unit * (1 + 0.14 * self._sway(0, time_s, 9.0))
        reach_x = max(self._width / 2 - 1.7 * scale, 0.0)
        reach_y = max(self._height / 2 - 1.9 * scale, 0.0)
        talking = max(0.0, min(1.0, 0.5 + 1.5 * self._sway(8, time_s, 7.0)))
        syllable = 0.5 + 0.5 * self._sway(9, time_s, 0.36) * self._sway(10, time_s, 0.9)
        yaw = 0.45 * self._sway(3, time_s, 5.3) + 0.08 * self._sway(4, time_s, 1.9)
        return Head(
            x=self._width / 2 + 0.75 * reach_x * self._sway(1, time_s, 11.0),
            y=self._height / 2 + 0.12 * scale + 0.75 * reach_y * self._sway(2, time_s, 7.7),
            scale=scale,
            yaw=yaw,
            pitch=0.16 * self._sway(5, time_s, 4.1) + 0.05 * self._sway(6, time_s, 1.3),
            roll=0.16 * self._sway(7, time_s, 6.1),
            blink=self._blink(time_s),
            mouth=talking * syllable,
            smile=max(0.0, self._sway(11, time_s, 8.3)) * (1 - 0.5 * talking),
            brow=max(0.0, self._sway(12, time_s, 3.7)),
            gaze=(0.7 * self._sway(13, time_s, 3.1) - yaw, 0.4 * self._sway(14, time_s, 4.7)),
        )

    def truth(self, time_s: float) -> Points:
        """(68, 2) float32 frame pixels."""
        head = self.head(time_s)
        return head.project(head.face())

    def _sway(self, channel: int, time_s: float, period_s: float) -> float:
        """A slow swing in [-1, 1], different for every channel and seed."""
        turns = time_s * self._rate[channel] / period_s + self._phase[channel]
        return 0.75 * sin(tau * turns) + 0.25 * sin(tau * 1.618 * turns)

    def _blink(self, time_s: float) -> float:
        """A quarter of a second every three or four."""
        since = (time_s * self._rate[15] / 3.4 + self._phase[15]) % 1.0 * 3.4
        return max(0.0, 1 - abs(since - 0.13) / 0.13)
