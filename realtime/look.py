"""A look: what the network says about one square of a frame."""

from collections.abc import Iterable, Mapping, Sequence
from math import copysign, pi, sqrt, tau
from time import perf_counter
from typing import NamedTuple

import numpy as np

from engines.engine import Engine
from engines.geometry import Image, Points, Roi, crop, to_frame
from engines.symmetry import Symmetry

TAUGHT = 0.2  # radians: so far from upright a pose may stand in its crop, as it did in training
AGREE = 0.4  # least overlap between the square looked in and the one round the pose found
LEAST_PX = 16  # side of the square round a pose that is worth following


class Look(NamedTuple):
    """One answer of the network.

    Attributes:
        roi: the square that was looked in.
        points_px: (K, 2) float32 frame pixels.
        confidence: (K,) float32 in [0, 1].
        score: mean confidence; 0 if the answer holds numbers that are none.
        own: the square round the pose, turned with it.
    """

    roi: Roi
    points_px: Points
    confidence: Points
    score: float
    own: Roi


class Looker:
    """Cuts crops and runs the engine on all of them at once, in memory allocated once."""

    def __init__(self, engine: Engine, most: int) -> None:
        """
        Args:
            most: squares that are ever looked in at once.
        """
        self.engine = engine
        self.margin = engine.card.margin
        size = engine.card.size
        self._crops = np.zeros((most, size, size, 3), np.uint8)
        self._symmetry = Symmetry(engine.card.skeleton)
        self.begin()

    @property
    def upright(self) -> bool:
        """Whether poses have an up that can be seen in them."""
        return self._symmetry.known

    def warm_up(self, batches: Iterable[int]) -> None:
        """Run the engine once at each batch size, so that no first frame is slow."""
        for batch in sorted(batches):
            self.engine.run(self._crops[:batch])

    def begin(self) -> None:
        """A new frame: its times are counted from nothing."""
        self._stages = {"crop": 0.0, "infer": 0.0}

    @property
    def stages(self) -> Mapping[str, float]:
        """Milliseconds since `begin`: "crop" and "infer"."""
        return self._stages

    def look(self, image: Image, rois: Sequence[Roi]) -> list[Look]:
        """What the network says about each of `rois`, in one run.

        Raises:
            EngineError: the engine failed.
            DataError: the image is not (H, W, 3) uint8.
        """
        started = perf_counter()
        crops = self._crops[: len(rois)]
        for roi, out in zip(rois, crops, strict=True):
            crop(image, roi, self.engine.card.size, out=out)
        cut = perf_counter()
        keypoints, confidence = self.engine.run(crops)
        done = perf_counter()
        self._stages["crop"] += (cut - started) * 1e3
        self._stages["infer"] += (done - cut) * 1e3
        known, sure = np.isfinite(keypoints), np.isfinite(confidence)
        if not (known.all() and sure.all()):
            usable = known.all((1, 2)) & sure.all(1)
            keypoints[~usable], confidence[~usable] = 0, 0
        scores = (np.add.reduce(confidence, 1) / confidence.shape[1]).tolist()
        looks = []
        for i, roi in enumerate(rois):
            points_px = to_frame(keypoints[i], roi)
            turn = self._symmetry.turn(keypoints[i], confidence[i])
            own = self.around(points_px, roi.angle + turn)
            looks.append(Look(roi, points_px, confidence[i], scores[i], own))
        return looks

    def around(self, points_px: Points, turn: float) -> Roi:
        """The square round a pose that is turned by `turn` radians in the frame.

        Within what the network was taught the square stays upright; beyond, it is turned by the
        rest, so that nothing jumps in between, nor where a subject goes over the top.
        """
        if abs(turn) > pi:
            turn = (turn + pi) % tau - pi
        beyond = max(abs(turn) - min(TAUGHT, pi - abs(turn)), 0.0)
        return Roi.along(points_px, self.margin, copysign(beyond, turn) if beyond else 0.0)

    def fills(self, look: Look, image: Image) -> bool:
        """Whether the pose fills the square looked in, half of its points inside the picture."""
        own = look.own
        if own.size < LEAST_PX or own.overlap(look.roi) < AGREE:
            return False
        height, width = image.shape[:2]
        half = own.size / self.margin / 2 * (sqrt(2) if own.angle else 1)  # of the points' box
        if half <= min(own.x, own.y, width - 1 - own.x, height - 1 - own.y):
            return True
        inside = ((look.points_px >= 0) & (look.points_px < (width, height))).all(axis=1)
        return bool(np.mean(inside) >= 0.5)
