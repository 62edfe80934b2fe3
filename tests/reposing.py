"""What the tests of re-posing share: a decoder without a network, and pictures to re-pose."""

from dataclasses import replace

import cv2
import numpy as np
from blob_model import blob_card

from engines.geometry import Image, Points, to_crop
from realtime.frame import Pose, State
from realtime.repose.reference import Reference
from realtime.repose.similarity import Similarity, plane

SIZE = 64
MOUSE = np.array([[60, 40], [75, 45], [90, 50], [110, 60]], np.float32)


class WarpDecoder:
    """Moves, turns and scales the prepared crop as a whole, as the pose lies to the reference's."""

    name, precision = "warp", "none"

    def __init__(
        self, skeleton: str = "mouse4", size: int = SIZE, margin: float = 1.6, shade: int = 0
    ) -> None:
        """`shade` is taken off every colour, as a network that draws too dark would do."""
        card = blob_card(skeleton, size=size, kind="decoder")
        self.card = replace(card, name="warp", margin=margin)
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
        assert keypoints.dtype == np.float32
        assert np.abs(keypoints).max() <= 1
        self.drawn.append(keypoints.copy())
        fit = Similarity.fit(plane(self.prepared[-1]), plane(keypoints))
        size = self.card.size
        middle = complex(1, 1) * (size - 1) / 2  # of the crop, pixels
        shift = fit.shift * size / 2 + middle - fit.factor * middle
        a = fit.factor
        matrix = np.array([[a.real, -a.imag, shift.real], [a.imag, a.real, shift.imag]])
        moved = cv2.warpAffine(self._crop, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.subtract(moved, np.full_like(moved, self._shade)), np.uint8)

    def close(self) -> None:
        self.closed += 1


def reference(
    name: str = "one",
    points: Points = MOUSE,
    size: tuple[int, int] = (160, 120),
    seed: int = 0,
) -> Reference:
    """Soft colours with keypoints."""
    small = np.random.default_rng(seed).integers(80, 180, (6, 8, 3)).astype(np.uint8)
    picture = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    return Reference(name=name, picture=np.asarray(picture, np.uint8), keypoints_px=points)


def home(own: Reference, decoder: WarpDecoder) -> Points:
    """The reference's keypoints in its crop."""
    return to_crop(own.keypoints_px, own.roi(decoder.card.margin))


def pose(points: Points | None, sure: float = 0.9) -> Pose:
    """A pose as a tracker finds it; None for nothing found."""
    if points is None:
        return Pose(State.COAST)
    own = points.astype(np.float32)
    return Pose(State.TRACK, None, own, own, np.full(len(own), sure, np.float32))


def blob(size: tuple[int, int] = (160, 120), radius: int = 14) -> Image:
    """A bright disc, which `blob_model` finds, before dark grey."""
    picture = np.full((size[1], size[0], 3), 30, np.uint8)
    cv2.circle(picture, (size[0] // 2, size[1] // 2), radius, (255, 255, 255), -1)
    return picture
