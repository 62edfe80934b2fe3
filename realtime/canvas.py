"""The picture that is drawn on, and where a frame's pixels lie on it."""

import cv2
import numpy as np

from engines.geometry import Image, Points, Roi
from realtime.shrink import Shrinker


class Canvas:
    """A picture of one frame, no larger than it will be shown.

    Shrinking comes first: whatever is drawn after it is drawn on few pixels, at full sharpness.

    Attributes:
        picture: (h, w, 3) uint8 BGR, to be drawn on.
    """

    def __init__(
        self,
        image: Image,
        *,
        room: tuple[int, int] | None = None,
        mirrored: bool = False,
        black: bool = False,
        shrinker: Shrinker | None = None,
    ) -> None:
        """
        Args:
            image: (H, W, 3) uint8 BGR, only read.
            room: (width, height) that the picture must fit into; None for the frame's own size.
                It is never enlarged.
            black: nothing of the frame is seen.
            shrinker: may have begun with the frame already.
        """
        height, width = image.shape[:2]
        wide, high = fitting((width, height), room)
        self._shares = np.array([wide / width, high / height], np.float32)
        self._width = wide
        self._mirrored = mirrored
        if black:
            self.picture: Image = np.zeros((high, wide, 3), np.uint8)
            return
        if (wide, high) == (width, height):
            self.picture = np.asarray(cv2.flip(image, 1), np.uint8) if mirrored else image.copy()
            return
        self.picture = (shrinker or Shrinker()).take(image, (wide, high))
        if mirrored:
            cv2.flip(self.picture, 1, dst=self.picture)

    def place(self, points_px: Points) -> Points:
        """Frame pixels (..., 2) to the picture's."""
        placed: Points = (points_px + np.float32(0.5)) * self._shares - np.float32(0.5)
        if self._mirrored:
            placed[..., 0] = self._width - 1 - placed[..., 0]
        return placed

    def place_roi(self, roi: Roi) -> Roi:
        x, y = self.place(np.array([roi.x, roi.y], np.float32)).tolist()
        size = roi.size * float(self._shares.mean())
        return Roi(x, y, size, -roi.angle if self._mirrored else roi.angle)


def fitting(size: tuple[int, int], room: tuple[int, int] | None) -> tuple[int, int]:
    """The largest (width, height) of the same shape as `size` in `room`, at most `size` itself."""
    if room is None:
        return size
    width, height = size
    share = min(room[0] / width, room[1] / height, 1.0)
    return max(round(width * share), 1), max(round(height * share), 1)


class Patch:
    """The part of a picture round some points, as it is now."""

    def __init__(self, picture: Image, points: Points, margin: int) -> None:
        """
        Args:
            points: (..., 2), pixels of the picture.
            margin: pixels beyond them.
        """
        height, width = picture.shape[:2]
        flat = points.reshape(-1, 2)
        x0, y0 = np.clip(flat.min(axis=0) - margin, 0, (width, height)).astype(int)
        x1, y1 = np.clip(flat.max(axis=0) + margin + 1, 0, (width, height)).astype(int)
        self._now = picture[y0:y1, x0:x1]
        self._before = self._now.copy()

    def fade(self) -> None:
        """Halve what was drawn since."""
        if self._now.size:
            cv2.addWeighted(self._now, 0.5, self._before, 0.5, 0, dst=self._now)
