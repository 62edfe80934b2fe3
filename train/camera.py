"""A camera that moves: where each frame looks, found from the background's own motion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image
from train.subject import WORK_SIDE, shrunk

Grey: TypeAlias = NDArray[np.uint8]  # (h, w)
Matrix: TypeAlias = NDArray[np.float64]  # (2, 3), takes (x, y, 1) to (x, y)
FEATURES = 300
LEAST_FEATURES = 12  # fewer say nothing about a camera
LEAST_SPREAD = 0.15  # of the picture: standard deviation of places that speak for the background
AGREE_PX = 1.5  # from the common motion, for a feature to be of the background
LEAST_AGREEING = 0.35  # of the features
STILL_PX = 0.8  # a feature that moves less stands still
MOVING = 0.3  # share of steps in which the background moves, for the camera to be called moving
LEAST_SCALE, MOST_SCALE = 0.5, 2.0


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Features of one picture that others are registered to.

    Attributes:
        grey: (h, w) the picture.
        points: (N, 1, 2) float32 places in it that can be found again.
    """

    grey: Grey
    points: NDArray[np.float32]

    @classmethod
    def of(cls, grey: Grey) -> "Landmarks":
        points = cv2.goodFeaturesToTrack(grey, FEATURES, 0.01, 7)
        if points is None:
            return cls(grey, np.empty((0, 1, 2), np.float32))
        return cls(grey, np.asarray(points, np.float32))

    @property
    def usable(self) -> bool:
        """Whether there are enough, and not all in one corner."""
        return len(self.points) >= LEAST_FEATURES and self._wide(self.points[:, 0])

    def register(self, grey: Grey, guess: Matrix) -> Matrix | None:
        """The similarity that takes pixels of `grey` to this picture's: features followed by
        optical flow (Lucas and Kanade, IJCAI 1981), the motion most of them share by RANSAC.

        Args:
            guess: about where it should be.

        Returns:
            None where no such motion explains enough features spread over the picture.
        """
        if not self.usable:
            return None
        start = cv2.transform(self.points, cv2.invertAffineTransform(guess)).astype(np.float32)
        there, found, _ = cv2.calcOpticalFlowPyrLK(
            self.grey,
            grey,
            self.points,
            start.copy(),
            winSize=(15, 15),
            maxLevel=3,
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        )
        height, width = grey.shape
        inside = ((there[:, 0] >= 0) & (there[:, 0] < (width, height))).all(axis=1)
        good = (found[:, 0] == 1) & inside
        if good.sum() < LEAST_FEATURES:
            return None
        own, other = self.points[good, 0], there[good, 0]
        matrix, agree = cv2.estimateAffinePartial2D(
            other, own, method=cv2.RANSAC, ransacReprojThreshold=AGREE_PX
        )
        if matrix is None or agree.mean() < LEAST_AGREEING or not self._wide(own[agree[:, 0] == 1]):
            return None
        scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
        return np.asarray(matrix) if LEAST_SCALE < scale < MOST_SCALE else None

    def _wide(self, places: NDArray[np.float32]) -> bool:
        height, width = self.grey.shape
        return bool((places.std(axis=0) > LEAST_SPREAD * np.array([width, height])).all())


def greyed(small: Image) -> Grey:
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def camera_moves(frames: Sequence[Image]) -> bool:
    """Whether the background moves between frames (of one size, in order of time).

    Said only where the background can be seen to move; a bare wall tells nothing.
    """
    factor = min(1.0, WORK_SIDE / max(frames[0].shape[:2]))
    greys = [greyed(shrunk(frame, factor)) for frame in frames]
    marks = [Landmarks.of(grey) for grey in greys[:-1]]
    votes = [
        not _stands_still(own, other)
        for own, other in zip(marks, greys[1:], strict=True)
        if own.usable
    ]
    return len(votes) > len(marks) / 2 and float(np.mean(votes)) > MOVING


def _stands_still(marks: Landmarks, grey: Grey) -> bool:
    """Whether features spread over the picture are where they were."""
    matrix = marks.register(grey, np.eye(2, 3))
    if matrix is None:
        return False
    height, width = grey.shape
    corners = np.array([[[0, 0]], [[width, 0]], [[0, height]], [[width, height]]], np.float64)
    return float(np.linalg.norm(cv2.transform(corners, matrix) - corners, axis=-1).max()) < STILL_PX
