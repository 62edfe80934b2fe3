"""The prior: unpaired poses. Nothing in them belongs to a training picture."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.skeleton import Skeleton

INSIDE = 0.97  # jittered poses reach no further than this, so that all of their drawing is seen
TRIES = 20


@dataclass(frozen=True, eq=False)
class Prior:
    """Poses (N, K, 2) float32, (x, y), in crop space: ±1 at the edges of the base crop."""

    poses: NDArray[np.float32]
    skeleton: Skeleton

    def __len__(self) -> int:
        return len(self.poses)

    def sample(
        self,
        rng: np.random.Generator,
        count: int,
        *,
        turn: float = 0.0,
        scale: float = 0.0,
        shift: float = 0.0,
        mirror: bool = False,
    ) -> NDArray[np.float32]:
        """`count` random poses, each under a random similarity about the crop's centre.

        Args:
            turn, scale, shift: standard deviations of the angle (radians; a skeleton with
                rotation "any" is turned all the way round instead), of the log size, and of the
                place (crop units).
            mirror: flip every second pose on average, exchanging mirror keypoints.

        Returns:
            (count, K, 2) float32. A pose that would leave the crop is drawn again, and at last
            moved and shrunk until it fits.
        """
        poses = self.poses[rng.integers(len(self.poses), size=count)]
        if mirror:
            poses = self._mirrored(poses, rng.random(count) < 0.5)
        done = np.empty_like(poses)
        left = np.arange(count)
        for _ in range(TRIES):
            done[left] = self._moved(rng, poses[left], turn, scale, shift)
            left = left[np.abs(done[left]).max(axis=(1, 2)) > INSIDE]
            if not len(left):
                break
        done[left] = _fitted(done[left])
        return done

    def subset(self, count: int, seed: int) -> "Prior":
        """`count` of the poses, chosen at random by `seed`."""
        if not 1 <= count <= len(self):
            raise DataError(f"a prior of {len(self)} poses has no subset of {count}")
        chosen = np.random.default_rng(seed).permutation(len(self))[:count]
        return Prior(self.poses[chosen], self.skeleton)

    def zoomed(self, zoom: float) -> "Prior":
        """The same poses in a crop whose side is `zoom` times as long."""
        return Prior((self.poses / zoom).astype(np.float32), self.skeleton)

    def margin(self) -> float:
        """Side of the crop over the larger side of a pose's box, median over the poses."""
        return float(np.median(2 / np.ptp(self.poses, axis=1).max(axis=1)))

    def save(self, path: Path) -> None:
        """Write an `.npz` that `load_prior` reads."""
        names = np.array(self.skeleton.keypoints)
        with path.open("wb") as file:
            np.savez(file, poses=self.poses, keypoints=names)

    def _mirrored(self, poses: NDArray[np.float32], flip: NDArray[np.bool_]) -> NDArray[np.float32]:
        mirrored = poses[:, list(self.skeleton.flipped)] * np.array([-1, 1], np.float32)
        return np.where(flip[:, None, None], mirrored, poses)

    def _moved(
        self, rng: np.random.Generator, poses: NDArray[np.float32], turn: float, scale: float, shift: float
    ) -> NDArray[np.float32]:
        count = len(poses)
        angle = rng.normal(0, turn, count)
        if self.skeleton.rotation == "any":
            angle = rng.uniform(-np.pi, np.pi, count)
        size = np.exp(rng.normal(0, scale, count))
        cos, sin = np.cos(angle) * size, np.sin(angle) * size
        matrix = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], 1)  # rows: x, y
        place = rng.normal(0, shift, (count, 1, 2))
        return (poses @ matrix + place).astype(np.float32)


def _fitted(poses: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = poses.min(axis=1, keepdims=True), poses.max(axis=1, keepdims=True)
    half = ((high - low) / 2).max(axis=2, keepdims=True)
    shrink = np.minimum(1, INSIDE / np.maximum(half, 1e-6))
    centred = (poses - (low + high) / 2) * shrink
    room = INSIDE - (high - low) / 2 * shrink
    return centred + np.clip((low + high) / 2, -room, room)


def shape_basis(poses: NDArray[np.float32], directions: int) -> tuple[NDArray[np.float32], ...]:
    """Mean (2K,) and the first principal directions (directions, 2K) of poses (N, K, 2)."""
    flat = poses.reshape(len(poses), -1)
    mean = flat.mean(axis=0)
    _, _, axes = np.linalg.svd(flat - mean, full_matrices=False)
    return mean.astype(np.float32), axes[:directions].astype(np.float32)
