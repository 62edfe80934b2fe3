"""The visible mark of a re-posed picture."""

import cv2
import numpy as np

from engines.geometry import Image

MARK = "re-posed by keycam"
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_HEIGHT = 0.032  # of the letters, of the picture's height
_WIDEST = 0.6  # of the picture's width
_DARK, _LIGHT = 0.35, 235  # of the ground under the letters; the letters


class Mark:
    """Writes MARK into the left lower corner of pictures of one size."""

    def __init__(self, size: tuple[int, int]) -> None:
        """
        Args:
            size: (width, height) of the pictures, pixels.
        """
        width, height = size
        (wide, high), low = cv2.getTextSize(MARK, _FONT, 1.0, 1)
        scale = min(_HEIGHT * height / high, _WIDEST * width / wide)
        gap = max(round(high * scale * 0.6), 1)
        strip = np.zeros((round((high + low) * scale) + 2 * gap, round(wide * scale) + 2 * gap, 3))
        self._letters = strip.astype(np.uint8)
        at = (gap, gap + round(high * scale))
        light = (_LIGHT, _LIGHT, _LIGHT)
        cv2.putText(self._letters, MARK, at, _FONT, scale, light, 1, cv2.LINE_AA)

    def write(self, picture: Image) -> None:
        """Into `picture` (H, W, 3) uint8 BGR itself."""
        high, wide = self._letters.shape[:2]
        corner = picture[-high:, :wide]
        cv2.addWeighted(corner, _DARK, self._letters[-corner.shape[0] :, : corner.shape[1]], 1, 0,
                        dst=corner)  # fmt: skip
