"""The paste: the square that the decoder drew, laid back into the whole reference picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Roi, crop, to_crop

FEATHER = 0.25  # width of the soft edge, crop space
ROUND = 6.0  # order of the rounded square: 2 is a circle, more is squarer
CELLS = 8  # a side, in which colours are compared


class Paste:
    """Lays drawn squares over one picture.

    The decoder's colours are moved so that its own drawing of the unmoved reference meets the
    picture at the square's border: the difference there, by its mean in each cell, is carried on
    inside as a membrane (harmonic, as in Pérez, Gangnet, Blake: Poisson image editing, 2003). A
    decoder that draws everything a shade too dark is thus corrected everywhere.
    """

    def __init__(self, picture: Image, roi: Roi, own: Image) -> None:
        """
        Args:
            picture: (H, W, 3) uint8 BGR.
            roi: the square in it, at least partly inside, with its edges between pixels:
                `Reference.roi`.
            own: (S, S, 3) uint8 BGR, what the decoder draws of the unmoved reference.
        """
        size = own.shape[0]
        missing = membrane(crop(picture, roi, size).astype(np.float32) - own)
        self._lighter = np.rint(np.maximum(missing, 0)).astype(np.uint8)
        self._darker = np.rint(np.maximum(-missing, 0)).astype(np.uint8)
        height, width = picture.shape[:2]
        self._side = round(roi.size)
        left, top = round(roi.x - (roi.size - 1) / 2), round(roi.y - (roi.size - 1) / 2)
        x0, x1 = max(left, 0), min(left + self._side, width)
        y0, y1 = max(top, 0), min(top + self._side, height)
        self._box = slice(y0, y1), slice(x0, x1)
        self._seen = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
        x, y = np.meshgrid(np.arange(x0, x1), np.arange(y0, y1))
        weight = _edge(to_crop(np.stack([x, y], axis=-1).astype(np.float32), roi))[..., None]
        self._weight = np.rint(np.repeat(weight, 3, axis=2) * 255).astype(np.uint8)
        self._rest = 255 - self._weight

    def paste(self, drawn: Image, picture: Image) -> None:
        """Lay `drawn` (S, S, 3) uint8 BGR into its square of `picture` (H, W, 3) itself."""
        matched = cv2.subtract(cv2.add(drawn, self._lighter), self._darker)
        side = (self._side, self._side)
        square = cv2.resize(matched, side, interpolation=cv2.INTER_CUBIC)[self._seen]
        patch = picture[self._box]
        over = cv2.multiply(square, self._weight, scale=1 / 255)
        patch[:] = cv2.add(over, cv2.multiply(patch, self._rest, scale=1 / 255))


def _edge(places: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 in the middle of the crop, 0 at its border, smooth between; `places` (..., 2) in it."""
    away = np.minimum(np.abs(places), 1.5).astype(np.float64) ** ROUND
    inside = np.clip((1 - away.sum(-1) ** (1 / ROUND)) / FEATHER, 0, 1)
    return np.asarray(inside**2 * (3 - 2 * inside), np.float32)


def membrane(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """(S, S, 3): the border of `difference` (S, S, 3), carried on inside without a source.

    Worked out on CELLS x CELLS means: the outer ones are kept, each inner one is the mean of its
    four neighbours.
    """
    size = difference.shape[0]
    cells = cv2.resize(difference, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    flat = np.asarray(cells, np.float64).reshape(-1, 3)
    inner = np.zeros((CELLS, CELLS), bool)
    inner[1:-1, 1:-1] = True
    system, inside = np.eye(CELLS**2), np.flatnonzero(inner)
    for step in (-1, 1, -CELLS, CELLS):
        system[inside, inside + step] = -0.25
    solved = np.linalg.solve(system, np.where(inner.reshape(-1, 1), 0, flat))
    grown = cv2.resize(
        solved.reshape(CELLS, CELLS, 3).astype(np.float32), (size, size),
        interpolation=cv2.INTER_LINEAR,
    )  # fmt: skip
    return np.asarray(grown, np.float32)
