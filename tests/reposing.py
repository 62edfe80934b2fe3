"""What the tests of re-posing share: a decoder without a network, and pictures to re-pose."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from blob_model import blob_card

from engines.geometry import Image, Points
from realtime.repose.reference import Reference
from realtime.repose.similarity import Similarity, plane

SIZE = 64


class WarpDecoder:
    """Moves, turns and scales the prepared crop as a whole, as the pose lies to the reference's."""

    name, precision = "warp", "none"

    def __init__(self, skeleton: str = "mouse4", size: int = SIZE, shade: int = 0) -> None:
        """`shade` is taken off every colour, as a network that draws too dark would do."""
        self.card = replace(blob_card(skeleton, size=size), kind="decoder", name="warp")
        self.prepared: list[Points] = []
        self.drawn: list[Points] = []
        self.closed = 0
        self._shade = shade
        self._crop: Image | None = None

    def prepare(self, reference: Image, keypoints: Points) -> None:
        assert reference.shape == (self.card.size, self.card.size, 3)
        self._crop = reference.copy()
        self.prepared.append(keypoints.copy())

    def draw(self, keypoints: Points) -> Image:
        assert self._crop is not None
        assert keypoints.shape == (len(self.card.skeleton.keypoints), 2)
        self.drawn.append(keypoints.copy())
        fit = Similarity.fit(plane(self.prepared[-1]), plane(keypoints))
        a, b, size = fit.factor, fit.shift, self.card.size
        half = (size - 1) / 2  # pixel = (crop + 1) * size / 2 - 1 / 2
        shift = (b * size / 2) + complex(half, half) - a * complex(half, half)
        matrix = np.array([[a.real, -a.imag, shift.real], [a.imag, a.real, shift.imag]])
        moved = cv2.warpAffine(self._crop, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.subtract(moved, np.full_like(moved, self._shade)), np.uint8)

    def close(self) -> None:
        self.closed += 1


MOUSE = np.array([[60, 40], [75, 45], [90, 50], [110, 60]], np.float32)


def mouse_reference(
    name: str = "one", points: Points = MOUSE, size: tuple[int, int] = (160, 120), seed: int = 0
) -> Reference:
    """Soft colours with four keypoints."""
    rng = np.random.default_rng(seed)
    small = rng.integers(40, 216, (6, 8, 3)).astype(np.uint8)
    picture = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    return Reference(name=name, picture=np.asarray(picture, np.uint8), keypoints_px=points)


def points(decoder: WarpDecoder) -> Sequence[Points]:
    return decoder.drawn
