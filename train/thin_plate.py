"""The thin-plate spline through keypoints: what re-posing is worth without any learning."""

import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Points
from train.batches import resampled

SOFTNESS = 1e-4  # lets keypoints that all but coincide differ, crop units squared


def thin_plate(reference: Image, pose: Points, keypoints: Points) -> Image:
    """The reference (S, S, 3), whose keypoints are at `pose` (K, 2), bent until they are at
    `keypoints`: crop space. Beside it its border goes on.

    Bookstein, "Principal warps", PAMI 1989: the smoothest map that takes keypoints to pose.
    """
    size = len(reference)
    line = (np.arange(size) * 2 + 1) / size - 1
    places = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    weights = _weights(keypoints.astype(np.float64), pose.astype(np.float64))
    shown = _terms(places, keypoints.astype(np.float64)) @ weights
    return resampled(reference, shown.reshape(size, size, 2).astype(np.float32))


def _weights(keypoints: NDArray[np.float64], pose: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K + 3, 2), of the terms of the map."""
    count = len(keypoints)
    system = np.zeros((count + 3, count + 3))
    system[:count] = _terms(keypoints, keypoints)
    system[:count, :count] += SOFTNESS * np.eye(count)
    system[count:, :count] = system[:count, count:].T
    wanted = np.concatenate([pose, np.zeros((3, 2))])
    return np.linalg.lstsq(system, wanted, rcond=None)[0]


def _terms(places: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P, K + 3): r² log r to each knot, then 1, x, y."""
    gap2 = np.square(places[:, None] - knots[None]).sum(axis=-1)
    bends = 0.5 * gap2 * np.log(np.maximum(gap2, 1e-12))
    return np.concatenate([bends, np.ones((len(places), 1)), places], axis=1)
