"""Regions of a frame, the crops cut from them, and the way between the two spaces.

Convention. Frame positions are pixel indices: (0, 0) is the CENTRE of the top-left pixel, x to
the right, y down. Keypoints inside a crop are (x, y) in [-1, 1] with ±1 at the crop's EDGES: the
centre of pixel i of S lies at (2i + 1) / S - 1. So for a roi that is exactly a W-wide frame,
frame x = 0 is -1 + 1/W and frame x = W - 1 is 1 - 1/W.
"""

from dataclasses import dataclass
from math import cos, hypot, isfinite, sin
from typing import Self, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError

COARSE = 9  # factor of shrinking from which on not every pixel is read

Image: TypeAlias = NDArray[np.uint8]  # BGR, (H, W, 3)
Points: TypeAlias = NDArray[np.float32]  # (..., 2), (x, y)


@dataclass(frozen=True)
class Roi:
    """A square region of a frame.

    Attributes:
        x, y: its centre, frame pixels.
        size: its side, frame pixels.
        angle: clockwise turn as seen on screen, radians. The crop's x axis points along
            (cos angle, sin angle) in the frame.
    """

    x: float
    y: float
    size: float
    angle: float = 0.0

    def __post_init__(self) -> None:
        if not all(map(isfinite, (self.x, self.y, self.size, self.angle))) or self.size <= 0:
            raise DataError(f"{self} is no region: it needs finite numbers and a positive size")

    @classmethod
    def of_frame(cls, width: int, height: int) -> Self:
        """The smallest centred square that covers the whole frame."""
        return cls((width - 1) / 2, (height - 1) / 2, max(width, height))

    @classmethod
    def around(cls, keypoints_px: Points, margin: float, angle: float = 0.0) -> Self:
        """The square round `keypoints_px` (K, 2): `margin` times their box's larger side."""
        low, high = np.minimum.reduce(keypoints_px), np.maximum.reduce(keypoints_px)
        x, y = ((low + high) / 2).tolist()
        return cls(x, y, margin * max(*(high - low).tolist(), 1.0), angle)

    @classmethod
    def along(cls, keypoints_px: Points, margin: float, angle: float) -> Self:
        """As `around`, with the box's sides turned by `angle`, too.

        However picture and pose are turned together, this cuts the same crop.
        """
        if angle == 0:
            return cls.around(keypoints_px, margin)
        turn = complex(cos(angle), sin(angle))
        upright = np.array(keypoints_px, np.float64, order="C").view(np.complex128) / turn
        pixels = upright.view(np.float64)
        low, high = np.minimum.reduce(pixels), np.maximum.reduce(pixels)
        centre = complex(*((low + high) / 2).tolist()) * turn
        return cls(centre.real, centre.imag, margin * max(*(high - low).tolist(), 1.0), angle)

    def overlap(self, other: "Roi") -> float:
        """Intersection over union of the two squares, 0 to 1.

        Exact where they are turned alike. Otherwise both are taken to be turned by the mean of
        their angles, which is at most 0.3 too much.
        """
        dx, dy = other.x - self.x, other.y - self.y
        if self.angle or other.angle:
            c, s = cos(self.angle) + cos(other.angle), sin(self.angle) + sin(other.angle)
            length = hypot(c, s) or 1.0
            dx, dy = (c * dx + s * dy) / length, (c * dy - s * dx) / length
        half = (self.size + other.size) / 2
        wide = min(half - abs(dx), self.size, other.size)
        high = min(half - abs(dy), self.size, other.size)
        shared = max(wide, 0.0) * max(high, 0.0)
        return shared / (self.size**2 + other.size**2 - shared)

    def distance(self, other: "Roi") -> float:
        """Distance between the two centres, frame pixels."""
        return hypot(self.x - other.x, self.y - other.y)


def _half_axis(roi: Roi) -> tuple[float, float]:
    """(x, y), frame pixels: from the crop's centre to the middle of its right edge."""
    return cos(roi.angle) * roi.size / 2, sin(roi.angle) * roi.size / 2


def to_frame(keypoints: Points, roi: Roi) -> Points:
    """Crop space [-1, 1] to frame pixels; any leading shape, last axis (x, y)."""
    # as complex numbers x + iy: a turn is a product, and a tracker calls this for every frame
    moved = np.array(keypoints, np.float64, order="C").view(np.complex128)
    moved *= complex(*_half_axis(roi))
    moved += complex(roi.x, roi.y)
    return moved.view(np.float64).astype(np.float32)


def to_crop(keypoints_px: Points, roi: Roi) -> Points:
    """Frame pixels to crop space [-1, 1]; the inverse of `to_frame`."""
    moved = np.array(keypoints_px, np.float64, order="C").view(np.complex128)
    moved -= complex(roi.x, roi.y)
    moved /= complex(*_half_axis(roi))
    return moved.view(np.float64).astype(np.float32)


def crop(image: Image, roi: Roi, size: int, out: Image | None = None) -> Image:
    """Cut `roi` from `image` and sample it to (size, size, 3) uint8 BGR.

    The one function that cuts crops, in training and live. Outside the frame the border pixels
    are repeated. Where the roi is at least twice the crop, its surroundings are first shrunk by
    the whole-number factor (area mean), then sampled bilinearly: no aliasing, same rule everywhere.
    From a factor of COARSE on, the area mean is that of a grid of bilinear samples, one for every 4
    to 6 pixels: a tenth of the work, and less change than moving the roi by one such pixel.

    Args:
        image: (H, W, 3) uint8 BGR, not changed.
        out: (size, size, 3) uint8, C-contiguous, to write into, or None to allocate.

    Returns:
        `out`, or a new array.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise DataError(f"a crop needs (H, W, 3) uint8, got {image.dtype} {image.shape}")
    if out is not None and (
        out.shape != (size, size, 3) or out.dtype != np.uint8 or not out.flags.c_contiguous
    ):
        raise DataError(f"out must be ({size}, {size}, 3) uint8 in one piece, got {out.shape}")
    part, (left, top), factor = _under(image, roi, int(roi.size // size))
    # crop pixel j -> crop space (2j + 1) / size - 1 -> frame pixel -> pixel of `part`
    c, s = _half_axis(roi)
    step, first = 2 / size / factor, 1 / size - 1
    x = (c * first - s * first + roi.x - left + 0.5) / factor - 0.5  # of the first pixel
    y = (s * first + c * first + roi.y - top + 0.5) / factor - 0.5
    matrix = np.array([[c * step, -s * step, x], [s * step, c * step, y]])
    # OpenCV samples four channels in half the time of three, to the same values
    four = cv2.warpAffine(
        cv2.cvtColor(part, cv2.COLOR_BGR2BGRA),
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cv2.cvtColor(four, cv2.COLOR_BGRA2BGR, dst=out), np.uint8)


def _under(image: Image, roi: Roi, factor: int) -> tuple[Image, tuple[int, int], int]:
    """What `roi` needs of `image`, shrunk by `factor`; its left top in frame pixels."""
    height, width = image.shape[:2]
    c, s = _half_axis(roi)
    reach = abs(c) + abs(s) + max(factor, 1)
    x0, x1 = int(max(roi.x - reach, 0)), int(min(roi.x + reach + 1, width))
    y0, y1 = int(max(roi.y - reach, 0)), int(min(roi.y + reach + 1, height))
    factor = min(factor, max(width, height))
    if factor < 2 or x1 <= x0 or y1 <= y0:  # beside the frame its nearest row or column will do
        x0, y0 = min(x0, width - 1), min(y0, height - 1)
        return image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)], (x0, y0), 1
    wide, high = -(-(x1 - x0) // factor), -(-(y1 - y0) // factor)
    patch = image[y0 : y0 + high * factor, x0 : x0 + wide * factor]
    below, beside = high * factor - patch.shape[0], wide * factor - patch.shape[1]
    if below or beside:  # the last blocks reach over the border
        border = cv2.BORDER_REPLICATE
        patch = np.asarray(cv2.copyMakeBorder(patch, 0, below, 0, beside, border), np.uint8)
    if factor >= COARSE:
        grid = max(factor // 4, 2)
        patch = np.asarray(cv2.resize(patch, (wide * grid, high * grid)), np.uint8)
    small = cv2.resize(patch, (wide, high), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), (x0, y0), factor
