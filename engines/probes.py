"""Pictures a little like what a model sees, to compare engines on where none are given."""

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image

COUNT = 8


def probes(size: int, count: int = COUNT) -> Image:
    """(count, size, size, 3) uint8 BGR: an oval with two spots and a slit before soft colours.

    The same every time. A head, an animal from above, a thing: something with an inside, small
    parts and a background, in another place and light each.
    """
    rng = np.random.default_rng(0)
    return np.stack([_probe(rng, size) for _ in range(count)])


def _probe(rng: np.random.Generator, size: int) -> Image:
    picture = _clouds(rng, size)
    centre, turn = size * rng.uniform(0.4, 0.6, 2), rng.uniform(-30, 30)
    axes = size * np.array([0.26, 0.34]) * rng.uniform(0.8, 1.2)
    light, dark = rng.uniform(120, 240, 3), rng.uniform(0, 80, 3)
    _oval(picture, centre, axes, turn, light)
    for x, y, wide, high in ((-0.4, -0.25, 0.2, 0.1), (0.4, -0.25, 0.2, 0.1), (0, 0.5, 0.4, 0.08)):
        c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        offset = np.array([[c, -s], [s, c]]) @ (axes * (x, y))
        _oval(picture, centre + offset, axes * (wide, high * axes[0] / axes[1]), turn, dark)
    grain = rng.normal(0, 4, picture.shape)
    return np.clip(cv2.GaussianBlur(picture, (3, 3), 0) + grain, 0, 255).astype(np.uint8)


def _clouds(rng: np.random.Generator, size: int) -> Image:
    coarse = rng.integers(60, 190, (4, 4, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8)


def _oval(
    picture: Image,
    centre: NDArray[np.float64],
    axes: NDArray[np.float64],
    turn: float,
    colour: NDArray[np.float64],
) -> None:
    box = (centre.tolist(), (2 * axes).tolist(), turn)
    cv2.ellipse(picture, box, colour.tolist(), cv2.FILLED, cv2.LINE_AA)
