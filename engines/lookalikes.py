"""Lookalikes: other readings of a pose that unpaired poses and pictures alone cannot rule out."""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from engines.skeleton import Skeleton

F = TypeVar("F", np.float32, np.float64)


class Reading(NamedTuple):
    """How a pose is read: as it is, or with its ends or sides taken for each other."""

    swapped: bool = False  # left for right
    turned: bool = False  # head for tail


def readings(skeleton: Skeleton) -> tuple[Reading, ...]:
    """The readings of a subject's poses, the plain one first.

    Left may be taken for right where the skeleton has mirror pairs; head for tail where it names
    which way the subject faces and pictures have no up: what stands upright shows which end is up.
    """
    swaps = (False, True) if skeleton.mirror else (False,)
    turns = (False, True) if skeleton.forward and skeleton.rotation == "any" else (False,)
    return tuple(Reading(swapped, turned) for turned in turns for swapped in swaps)


def read(pose: NDArray[F], reading: Reading, skeleton: Skeleton) -> NDArray[F]:
    """`pose` (..., K, 2) in another reading; doing it twice gives the pose again.

    Swapped: mirror keypoints change places. Turned: the whole is turned half round about the
    middle of the axis that `skeleton.forward` names.
    """
    if reading.swapped:
        pose = pose[..., list(skeleton.flipped), :]
    if reading.turned:
        assert skeleton.forward is not None
        pose = pose[..., list(skeleton.forward), :].sum(axis=-2, keepdims=True) - pose
    return pose


def lookalikes(pose: NDArray[F], skeleton: Skeleton) -> NDArray[F]:
    """(R, ..., K, 2): `pose` (..., K, 2) in each of its `readings`; NaN stays NaN."""
    return np.stack([read(pose, reading, skeleton) for reading in readings(skeleton)])
