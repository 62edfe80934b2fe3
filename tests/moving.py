"""Clips made by hand: a dark ellipse that goes about before a textured wall, seen by a camera
that may move."""

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image

SIZE = (320, 240)
LENGTH = 44  # of the ellipse, pixels


def wall(seed: int = 0) -> Image:
    """A large smooth texture."""
    noise = np.random.default_rng(seed).integers(0, 256, (520, 900, 3)).astype(np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return cv2.normalize(smooth, None, 40, 215, cv2.NORM_MINMAX)


def panned(
    count: int, speed: float, shake: float = 1.5, seed: int = 0
) -> tuple[list[Image], NDArray[np.float64]]:
    """Frames of a camera that goes to the right by `speed` pixels a frame and trembles, and where
    the ellipse is in each (count, 2)."""
    rng = np.random.default_rng(seed)
    behind = wall(seed)
    frames, places = [], []
    for t in range(count):
        left = 60 + speed * t + rng.normal(0, shake)
        top = 120 + 40 * np.sin(t / 20) * (speed > 0) + rng.normal(0, shake)
        frame = cv2.warpAffine(behind, np.array([[1, 0, -left], [0, 1, -top]]), SIZE)
        x, y = 160 + 85 * np.cos(t / 10), 120 + 60 * np.sin(t / 8)
        centre = (round(x * 16), round(y * 16))
        axes = (LENGTH * 8, LENGTH * 4)
        cv2.ellipse(frame, centre, axes, t * 5.0, 0, 360, (5, 5, 5), -1, cv2.LINE_AA, 4)
        frames.append(frame)
        places.append((x, y))
    return frames, np.array(places)
