"""Pictures bent so that their subject takes another shape: lessons in what is seen, not guessed.

A network that is taught labels which leave a change of shape out, such as the nod of a head, learns
to leave it out too. Here a label's shape is changed by a random share of the prior's modes, and the
picture is bent along. Of two pictures that look alike, one as filmed and one bent from another
shape, the first was labelled with a share g of its true shape and the second with that share and
all of the bend; least squares between them reads the share (g p² + b²) / (p² + b²), where p is the
spread of true shapes and b that of the bends. That is always more than g, and rounds of
self-training bring it to 1.

The bend is a thin-plate spline (Bookstein, "Principal warps", PAMI 1989), which fades to nothing
in the pose's surroundings.
"""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image
from train.prior import Prior
from train.shapes import Complex, Shapes, as_complex, as_points

MODES = 12
KNOTS = 17  # per side, of the grid the spline is evaluated on
FRAME = 1.9  # side of the square where the bend ends over the pose's box
FRAME_POINTS = 4  # per side
WIDEST = 0.6  # of a mode's spread, where a pose's radius is 1: turns to the side are seen anyway
TRIES = 4  # each with half the change of the one before
LEAST_AREA = 0.15  # of a grid's cell after the bend, over before
SOFT = 1e-3  # added to the spline's diagonal: neighbouring keypoints may lie on each other


@dataclass(frozen=True, eq=False)
class Reshaper:
    """Draws changes of shape from a prior's modes.

    Attributes:
        shapes: the prior's.
        amount: standard deviation of a change, in those of the prior.
    """

    shapes: Shapes
    amount: float

    @classmethod
    def of(cls, prior: Prior, amount: float) -> Self:
        poses = as_complex(prior.poses)
        return cls(Shapes.of(poses, list(prior.skeleton.flipped), MODES), amount)

    def reshape(
        self, picture: Image, keypoints: NDArray[np.float32], rng: np.random.Generator
    ) -> tuple[Image, NDArray[np.float32]]:
        """Bend a crop (S, S, 3) with its keypoints (K, 2), crop space; place, size and turn of the
        pose stay.

        Returns:
            a new crop and its keypoints.
        """
        wide = np.minimum(self.shapes.spread, WIDEST)
        shares = rng.normal(0, self.amount, len(wide)) * wide
        before = as_complex(keypoints[None])[0]
        change = (shares @ self.shapes.modes) * self.shapes.fit(before[None])[0]
        for _ in range(TRIES):
            origin = _origin(before, before + change)
            if not _folds(origin):
                return _sampled(picture, origin), as_points(before + change)
            change = change / 2
        return picture, keypoints


def _origin(before: Complex, after: Complex) -> Complex:
    """(KNOTS, KNOTS) crop space: what each knot of a grid over the bent crop shows."""
    middle, half = _surroundings(np.concatenate([before, after]))
    side = np.linspace(-1, 1, FRAME_POINTS, endpoint=False) - 1j
    square = np.concatenate([side * 1j**quarter for quarter in range(4)])
    ends = np.concatenate([after, middle + half * square])
    shift = np.zeros(len(ends), np.complex128)
    shift[: len(before)] = before - after
    grid = np.linspace(-1, 1, KNOTS)
    places = grid[None] + 1j * grid[:, None]
    bend = spline(ends, shift, places.ravel()).reshape(KNOTS, KNOTS)
    off = (places - middle) / half
    inside = np.maximum(abs(off.real), abs(off.imag)) < 1
    return np.asarray(places + bend * inside)


def _folds(origin: Complex) -> bool:
    """Whether a part of the picture is turned over, or all but."""
    right, down = origin[:-1, 1:] - origin[:-1, :-1], origin[1:, :-1] - origin[:-1, :-1]
    cell = (2 / (KNOTS - 1)) ** 2
    return bool((right.conj() * down).imag.min() < LEAST_AREA * cell)


def spline(ends: Complex, shift: Complex, places: Complex) -> Complex:
    """The thin-plate spline through `shift` (N,) at `ends` (N,), taken at `places` (P,)."""
    count = len(ends)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _bending(ends, ends) + SOFT * np.eye(count)
    system[:count, count:] = _plane(ends)
    system[count:, :count] = _plane(ends).T
    right = np.concatenate([shift, np.zeros(3)])
    solved = np.linalg.solve(system, np.stack([right.real, right.imag], axis=1))
    weights = solved[:, 0] + 1j * solved[:, 1]
    return np.asarray(_bending(places, ends) @ weights[:count] + _plane(places) @ weights[count:])


def _bending(places: Complex, ends: Complex) -> NDArray[np.float64]:
    squared = np.abs(places[:, None] - ends[None]) ** 2
    return np.asarray(squared * np.log(squared + 1e-9))


def _plane(places: Complex) -> NDArray[np.float64]:
    return np.stack([np.ones(len(places)), places.real, places.imag], axis=1)


def _surroundings(pose: Complex) -> tuple[complex, float]:
    """Middle and half the side of the square round the pose outside which nothing moves."""
    low, high = complex(pose.real.min(), pose.imag.min()), complex(pose.real.max(), pose.imag.max())
    return (low + high) / 2, FRAME * max((high - low).real, (high - low).imag, 1e-3) / 2


def _sampled(picture: Image, origin: Complex) -> Image:
    """`picture` as seen from `origin` (KNOTS, KNOTS), crop space."""
    side = len(picture)
    pixels = np.stack([origin.real, origin.imag], axis=-1)
    pixels = ((pixels + 1) * side - 1) / 2
    at = np.linspace(0, KNOTS - 1, side + 1)[:-1] + (KNOTS - 1) / side / 2  # centres of pixels
    columns, rows = np.meshgrid(at.astype(np.float32), at.astype(np.float32))
    fine = cv2.remap(pixels.astype(np.float32), columns, rows, cv2.INTER_LINEAR)
    bent = cv2.remap(picture, fine, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(bent, np.uint8)
