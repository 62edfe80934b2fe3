"""A subject that is a bright square, and an engine that sees it as a trained one would."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from blob_model import blob_card

from engines import Prediction
from engines.fake import FakeEngine
from engines.geometry import Image
from realtime.frame import Frame, Pose
from realtime.tracker import Tracker

CARD = replace(blob_card("mouse4", size=64), margin=2.0)
CORNERS = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])
FRAME_NS = 33_000_000


def see(crops: Image) -> Prediction:
    """The corners of what is bright and square, also if it is turned by less than an eighth; sure
    of it where it fills the crop as in training."""
    keypoints = np.zeros((len(crops), 4, 2), np.float32)
    confidence = np.zeros((len(crops), 4), np.float32)
    for i, crop in enumerate(crops):
        rows, columns = np.nonzero(crop[..., 0] > 100)
        if len(rows) < 3:
            continue
        pixels = np.stack([columns, rows], axis=1).astype(np.float32)
        around = cv2.minAreaRect(np.concatenate([pixels + corner for corner in CORNERS]))
        corners = cv2.boxPoints(around)
        middle = corners.mean(axis=0)
        first = int((corners - middle).sum(axis=1).argmin())  # towards the top left
        keypoints[i] = 2 * np.roll(corners, -first, axis=0) / len(crop) - 1
        share = max(around[1]) / len(crop) * CARD.margin
        confidence[i] = 1 - min(abs(np.log2(share)) / 2, 1)
    return Prediction(keypoints, confidence)


def box(x: float, y: float, side: int = 60, size: tuple[int, int] = (640, 480)) -> Image:
    """A picture with a bright square whose top left corner is (x, y); none where x is negative."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    if x >= 0:
        image[round(y) : round(y) + side, round(x) : round(x) + side] = 220
    return image


def frames(images: list[Image], first: int = 0) -> list[Frame]:
    return [Frame(image, first + i, (first + i) * FRAME_NS) for i, image in enumerate(images)]


def make(
    answer: Callable[[Image], Prediction] = see, *, smooth: bool = True
) -> tuple[Tracker, FakeEngine]:
    engine = FakeEngine(CARD, answer)
    return Tracker(engine, smooth=smooth), engine


def same(one: Pose, other: Pose) -> bool:
    arrays = [(p.raw_px, p.keypoints_px, p.confidence) for p in (one, other)]
    return (one.state, one.roi) == (other.state, other.roi) and all(
        np.array_equal(a, b) if a is not None and b is not None else a is b
        for a, b in zip(*arrays, strict=True)
    )


def found_at(pose: Pose, x: float, y: float, side: int = 60) -> bool:
    """Whether the raw points lie on the square's corners, give or take a few frame pixels."""
    assert pose.raw_px is not None
    return bool(np.abs(pose.raw_px - (np.float32([x, y]) + CORNERS * side)).max() < side / 12)
