"""The gate before a plan: it must say what the CPU engine says."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engines.decoder import Decoder
from engines.engine import Engine
from engines.geometry import Image, Points

MOST_PX = 0.5  # of the crop: how far a keypoint may move
MOST_LEVELS = 2.0  # of 256: how far a picture may differ on the mean


@dataclass(frozen=True)
class Parity:
    """How far an engine is from the reference on the same crops.

    Attributes:
        moved_px: the farthest that any keypoint moved, pixels of the crop; infinite if either
            engine gave something that is not finite.
        doubted: the largest change of a confidence.
    """

    moved_px: float
    doubted: float

    @property
    def passed(self) -> bool:
        return self.moved_px <= MOST_PX

    def __str__(self) -> str:
        if not np.isfinite(self.moved_px):
            return "not finite"
        limit = "" if self.passed else f", more than {MOST_PX:g}"
        return f"keypoints moved by {self.moved_px:.2g} px of the crop{limit}"


def compare(reference: Engine, other: Engine, crops: Image) -> Parity:
    """Run both engines on `crops` (N, S, S, 3), one by one and all at once.

    Raises:
        EngineError: one of them failed.
    """
    moved = doubted = 0.0
    for batch in [crops, *(crops[i : i + 1] for i in range(len(crops)))]:
        first, second = reference.run(batch), other.run(batch)
        for own in (*first, *second):
            if not np.isfinite(own).all():
                return Parity(np.inf, np.inf)
        away = np.linalg.norm(first.keypoints - second.keypoints, axis=-1).max()
        moved = max(moved, float(away) * crops.shape[1] / 2)
        doubted = max(doubted, float(np.abs(first.confidence - second.confidence).max()))
    return Parity(moved, doubted)


@dataclass(frozen=True)
class PictureParity:
    """How far a decoder's pictures are from the reference's.

    Attributes:
        levels: the largest mean difference of any picture, grey levels of 256.
    """

    levels: float

    @property
    def passed(self) -> bool:
        return self.levels <= MOST_LEVELS

    def __str__(self) -> str:
        limit = "" if self.passed else f", more than {MOST_LEVELS:g}"
        return f"pictures differ by {self.levels:.2g} grey levels{limit}"


def compare_pictures(
    reference: Decoder, other: Decoder, crops: Image, poses: Sequence[tuple[Points, Points]]
) -> PictureParity:
    """Let both decoders draw each of `crops` (N, S, S, 3), whose keypoints are at the first of its
    `poses`, in the second of it, and in both at once.

    Raises:
        EngineError: one of them failed.
    """
    levels = 0.0
    for crop, (pose, keypoints) in zip(crops, poses, strict=True):
        for decoder in (reference, other):
            decoder.prepare(crop, pose)
        for asked in (keypoints, np.stack([pose, keypoints])):
            away = reference.draw(asked).astype(np.float64) - other.draw(asked)
            levels = max(levels, float(np.abs(away).mean(axis=(-3, -2, -1)).max()))
    return PictureParity(levels)
