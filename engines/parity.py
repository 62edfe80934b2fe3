"""The gate before a plan: it must say what the CPU engine says."""

from dataclasses import dataclass

import numpy as np

from engines.engine import Engine
from engines.geometry import Image

MOST_PX = 0.5  # of the crop: how far a keypoint may move


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
