"""Finding the one thing that moves in front of a background."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.geometry import Image, Roi
from train.prior import POSE_MARGIN

WORK_SIDE = 320  # longer side of the pictures motion is looked for in
BACKGROUND_FRAMES = 60
LEAST_AREA = 4e-4  # of the picture: smaller blobs are noise


@dataclass(frozen=True, eq=False)
class Background:
    """What a fixed camera sees without the subject: (h, w, 3) uint8 and the shrink factor."""

    image: NDArray[np.uint8]
    factor: float

    @classmethod
    def of(cls, frames: Sequence[Image]) -> "Background":
        """Pixelwise median of frames spread over the clip.

        Raises:
            DataError: fewer than 3 frames, or frames of different sizes.
        """
        if len(frames) < 3:
            raise DataError("a background needs at least 3 frames from one fixed camera")
        if len({frame.shape for frame in frames}) > 1:
            raise DataError("the frames differ in size; a fixed camera gives one size")
        chosen = [frames[i] for i in evenly(len(frames), BACKGROUND_FRAMES)]
        factor = min(1.0, WORK_SIDE / max(chosen[0].shape[:2]))
        stack = np.stack([shrunk(frame, factor) for frame in chosen])
        return cls(np.median(stack, axis=0).astype(np.uint8), factor)

    def find(self, frame: Image) -> Roi | None:
        """The square round the subject, see `subject_square`; None if nothing differs."""
        difference = cv2.absdiff(shrunk(frame, self.factor), self.image).max(axis=2)
        return subject_square(difference, self.factor)


def subject_square(difference: NDArray[np.uint8], factor: float) -> Roi | None:
    """The square round the subject: `POSE_MARGIN` times its length; None if nothing differs.

    Looks at the largest blob that differs from the background, its thin parts (a tail, a leash)
    removed. Its length is that of a uniform ellipse with its second moments along the major axis.

    Args:
        difference: (h, w) how far each pixel is from the background, in a picture shrunk by
            `factor`; the square is in pixels of the picture before that.
    """
    blob = _largest_blob(difference)
    if blob is None:
        return None
    moments = cv2.moments(blob, binaryImage=True)
    area = moments["m00"]
    x, y = moments["m10"] / area, moments["m01"] / area
    spread = np.array([[moments["mu20"], moments["mu11"]], [moments["mu11"], moments["mu02"]]])
    longest = 4 * float(np.sqrt(np.linalg.eigvalsh(spread / area)[-1]))
    place = ((v + 0.5) / factor - 0.5 for v in (x, y))
    return Roi(*place, POSE_MARGIN * max(longest, 4.0) / factor)


def shrunk(frame: Image, factor: float) -> Image:
    """The frame `factor` times as large, its noise smoothed: what motion is looked for in."""
    blurred = cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(blurred, (3, 3), 0), np.uint8)


def _largest_blob(difference: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    threshold, _ = cv2.threshold(difference, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    mask = (difference > max(threshold, 20)).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _disc(5))
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _disc(5))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    if stats[best, cv2.CC_STAT_AREA] < LEAST_AREA * mask.size:
        return None
    return _without_thin_parts(np.asarray(labels == best, np.uint8))


def _without_thin_parts(blob: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The blob opened by a disc half as wide as the blob is where it is widest."""
    depth = cv2.distanceTransform(blob, cv2.DIST_L2, 3)
    radius = float(depth.max()) / 2
    core = (depth > radius).astype(np.uint8)
    away = cv2.distanceTransform(1 - core, cv2.DIST_L2, 3)
    return np.asarray(away <= radius, np.uint8)


def _disc(side: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def evenly(count: int, most: int) -> list[int]:
    """At most `most` numbers spread evenly over 0 … count - 1."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})


def roams(rois: Sequence[Roi | None], width: int, height: int) -> bool:
    """Whether what was found is a small thing that goes about: seen in most of the frames, its
    square under two thirds of the picture, its places further spread than that square's half."""
    seen = [roi for roi in rois if roi is not None]
    if len(seen) < 0.7 * len(rois):
        return False
    size = float(np.median([roi.size for roi in seen]))
    places = np.array([(roi.x, roi.y) for roi in seen])
    reach = np.ptp(np.percentile(places, [5, 95], axis=0), axis=0).max()
    return size < max(width, height) * 2 / 3 and bool(reach > size / 2)
