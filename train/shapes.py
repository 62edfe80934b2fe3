"""Shapes of poses: what is left of a pose once place, size and turn are taken off."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Complex: TypeAlias = NDArray[np.complex128]  # x + iy


@dataclass(frozen=True, eq=False)
class Shapes:
    """The prior's mean shape and its main modes, both mirror-symmetric.

    Attributes:
        mean: (K,) complex, centred, root mean square radius 1.
        modes: (M, K) complex, each of norm 1 as 2K real numbers.
        odd: (M,) -1 where a mode changes sign in a mirror, else 1.
        spread: (M,) standard deviation of the prior's poses in each.
    """

    mean: Complex
    modes: Complex
    odd: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, poses: Complex, flipped: list[int], modes: int) -> "Shapes":
        """The first `modes` modes of poses (N, K), their mirror images included."""
        both = np.concatenate([poses, -poses[:, flipped].conj()])
        mean = _normalised(both[0])
        for _ in range(10):
            aligned = _aligned(both, mean)
            mean = _normalised(aligned.mean(axis=0))
        rest = _real(_aligned(both, mean) - mean)
        _, spread, found = np.linalg.svd(rest, full_matrices=False)
        own = found[:modes, 0::2] + 1j * found[:modes, 1::2]
        odd = np.sign((own.conj() * -own[:, flipped].conj()).sum(axis=1).real)
        return cls(mean, own, odd, spread[:modes] / np.sqrt(len(both)))

    def fit(self, poses: Complex) -> Complex:
        """The factors (N,) that turn and scale the mean shape most nearly into poses (N, K)."""
        return _fit(poses, self.mean)

    def read(self, poses: Complex) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Poses (N, K) -> where they lie (N, 4): x and y in units of their radius, log of it,
        angle; and how they are shaped (N, M)."""
        centre = poses.mean(axis=1)
        radius = self.fit(poses)
        place = centre / abs(radius)
        lies = np.stack([place.real, place.imag, np.log(abs(radius)), np.angle(radius)], axis=1)
        rest = _real(_aligned(poses, self.mean) - self.mean)
        return lies, rest @ _real(self.modes).T


def _fit(poses: Complex, shape: Complex) -> Complex:
    """The factors (N,) that turn and scale `shape` (K,) most nearly into each centred pose."""
    centred = poses - poses.mean(axis=1, keepdims=True)
    return np.asarray(centred @ shape.conj() / np.vdot(shape, shape).real)


def _aligned(poses: Complex, shape: Complex) -> Complex:
    """Each pose centred and divided by its factor, so that it lies on `shape`."""
    centred = poses - poses.mean(axis=1, keepdims=True)
    return np.asarray(centred / _fit(poses, shape)[:, None])


def _normalised(shape: Complex) -> Complex:
    centred = shape - shape.mean()
    return np.asarray(centred / np.sqrt((abs(centred) ** 2).mean()))


def as_complex(poses: NDArray[np.float32]) -> Complex:
    return np.asarray(poses[..., 0], np.complex128) + 1j * poses[..., 1]


def as_points(poses: Complex) -> NDArray[np.float32]:
    return np.stack([poses.real, poses.imag], axis=-1).astype(np.float32)


def _real(shapes: Complex) -> NDArray[np.float64]:
    """(..., K) complex -> (..., 2K) real."""
    return np.stack([shapes.real, shapes.imag], axis=-1).reshape(*shapes.shape[:-1], -1)
