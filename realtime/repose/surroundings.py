"""What lies above the square that the decoder draws, hair or a hat: it is taken along.

The square ends near the top of a head, so where the head moves, the rest of the hair must too, or a
copy of it stays behind. Above the square the picture is therefore moved as the pose moved as a
whole, less and less with the distance; aside and below, where a neck joins a body that stays,
nothing moves.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Roi, to_crop
from realtime.repose.similarity import Similarity

# Crop space: all is moved within the first number, nothing beyond the second.
ASIDE = (0.7, 1.25)  # to both sides
ABOVE = (1.0, 1.6)  # upwards
BELOW = (-0.5, 0.1)  # downwards
EDGE = 0.4  # crop space: from the picture's sides, where the whole way is gone
STILL = 2e-3  # crop space: less than this is not moved


class Surroundings:
    """One picture, moved round the square that is drawn."""

    def __init__(self, picture: Image, roi: Roi, *, upright: bool = True) -> None:
        """
        Args:
            picture: (H, W, 3) uint8 BGR.
            roi: the square that is drawn.
            upright: whether there is an above; if not, nothing is moved.
        """
        height, width = picture.shape[:2]
        self._picture = picture
        self._unit = roi.size / 2  # pixels in one of the crop
        reach, high, low = (self._unit * far for _, far in (ASIDE, ABOVE, BELOW))
        x0, x1 = max(int(roi.x - reach), 0), min(int(roi.x + reach) + 2, width)
        y0, y1 = max(int(roi.y - high), 0), min(int(roi.y + low) + 2, height)
        self._moves = upright and x1 > x0 and y1 > y0
        if not self._moves:
            return
        self._box = slice(y0, y1), slice(x0, x1)
        x, y = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
        places = to_crop(np.stack([x, y], axis=-1), roi)
        share = _share(places)
        share *= _smooth(np.minimum(x + 1, width - x) / (EDGE * self._unit))
        self._start = x, y
        self._share = share, share * places[..., 0], share * places[..., 1]

    def follow(self, moved: Similarity) -> Image:
        """A new picture (H, W, 3) uint8 BGR, whose upper surroundings went the way of `moved`.

        Args:
            moved: from the reference's keypoints to the pose's, crop space.
        """
        out = self._picture.copy()
        back = Similarity(1 / moved.factor, -moved.shift / moved.factor)  # where it came from
        factor, shift = (back.factor - 1) * self._unit, back.shift * self._unit
        if not self._moves or abs(back.factor - 1) + abs(back.shift) < STILL:
            return out
        share, wide, high = self._share
        x, y = self._start
        map_x = x + wide * np.float32(factor.real)
        map_x += share * np.float32(shift.real) - high * np.float32(factor.imag)
        map_y = y + wide * np.float32(factor.imag)
        map_y += share * np.float32(shift.imag) + high * np.float32(factor.real)
        out[self._box] = cv2.remap(
            self._picture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        return out


def _share(places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the way that is gone at `places` (..., 2) of crop space, 0 to 1."""
    x, y = places[..., 0], places[..., 1]
    ways = (ASIDE, np.abs(x)), (ABOVE, -y), (BELOW, y)
    shares = [_smooth((none - way) / (none - full)) for (full, none), way in ways]
    return np.asarray(np.prod(shares, axis=0), np.float32)


def _smooth(value: NDArray[np.floating]) -> NDArray[np.float32]:
    clipped = np.clip(value, 0, 1)
    return np.asarray(clipped**2 * (3 - 2 * clipped), np.float32)
