"""The tracker: from a frame to a pose, remembering where the subject was.

    SEARCH --found--> TRACK --missed--> COAST --missed for COAST_FRAMES--> SEARCH
                        ^                 |
                        +------found------+

A subject is taken up at a mean confidence of ENTER and followed down to LEAVE. A look counts as
found only if the pose fills the square it was looked for in as poses did in training: the square
cut round the pose and the one looked in agree. That catches jumps to another thing, collapsed
poses, and answers out of nowhere. Half of the points must lie in the picture.

A subject that may lie any way round keeps its ends and sides from frame to frame, unless the
network insists on others: `realtime.reader` has the rule.

The work per frame is bounded: one crop while the subject is known, at most SEARCH_CROPS +
REFINEMENTS while it is not; a sweep over the frame is spread over several frames.
"""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np

from engines.engine import Engine
from engines.geometry import Image, Points, Roi, crop, to_frame
from engines.search import search_rois
from realtime.frame import Frame, Pose, State
from realtime.reader import Reader
from realtime.smoothing import OneEuro, Smoothing

ENTER = 0.5  # mean confidence that takes a subject up
LEAVE = 0.35  # mean confidence below which it is missed
AGREE = 0.4  # least overlap between the square looked in and the one round the pose found
LEAST_PX = 16  # side of the square round a pose that is worth following
COAST_FRAMES = 6  # looks at the last place before it is given up
COAST_GROWTH = 1.25  # of the square looked in while coasting
SEARCH_CROPS = 4  # squares per frame and inference while searching
REFINEMENTS = 2  # closer looks at the best of them


class _Look(NamedTuple):
    """What the network said about one square; `score` is the mean confidence, 0 if unusable."""

    roi: Roi
    points_px: Points  # (K, 2)
    confidence: Points  # (K,)
    score: float
    own: Roi | None = None  # the square round the pose, if the look is a find


class Tracker:
    """Follows one subject through the frames of one source.

    Frames come in the order of their times. `engine` stays the caller's to close. All buffers
    are allocated here once, and the engine is run once for each batch size it will see, so the
    first frame is not slower than the others.
    """

    def __init__(
        self, engine: Engine, *, smooth: bool = True, smoothing: Smoothing | None = None
    ) -> None:
        self.engine = engine
        self.smooth = smooth
        self._margin = engine.card.margin
        size = engine.card.size
        self._one = np.zeros((1, size, size, 3), np.uint8)
        self._many = np.zeros((SEARCH_CROPS, size, size, 3), np.uint8)
        self._reader = Reader(engine.card.skeleton)
        self._filter = OneEuro()
        self.smoothing = smoothing or Smoothing()
        keypoints = len(engine.card.skeleton.keypoints)
        # what is filtered: the roi's centre, its (side, 0), and the keypoints, frame pixels
        self._observed = np.zeros((2 + keypoints, 2), np.float32)
        self._trust = np.ones(2 + keypoints, np.float32)
        self.reset()
        for warm_up in (self._one, self._many):
            engine.run(warm_up)

    def reset(self) -> None:
        """Forget the subject: what follows is what a fresh tracker would answer."""
        self._state = State.SEARCH
        self._roi: Roi | None = None  # where to look in the next frame, None while searching
        self._missed = 0  # frames in a row
        self._swept = 0  # squares of the sweep looked at since the search began
        self._stages = {"crop": 0.0, "infer": 0.0, "track": 0.0}
        self._reader.reset()
        self._filter.reset()

    @property
    def state(self) -> State:
        return self._state

    @property
    def smoothing(self) -> Smoothing:
        """How much is smoothed; may be changed between two frames."""
        return Smoothing(min_cutoff_hz=self._filter.min_cutoff_hz, beta=self._filter.beta)

    @smoothing.setter
    def smoothing(self, own: Smoothing) -> None:
        self._filter.min_cutoff_hz, self._filter.beta = own.min_cutoff_hz, own.beta

    @property
    def stages(self) -> Mapping[str, float]:
        """Milliseconds spent in the last call: "crop", "infer", and "track" for all the rest."""
        return self._stages

    def track(self, frame: Frame) -> Pose:
        """Find the subject in the next frame.

        Raises:
            EngineError: the engine failed.
            DataError: the frame's image is not (H, W, 3) uint8.
        """
        started = perf_counter()
        self._stages = {"crop": 0.0, "infer": 0.0}
        look = self._search(frame.image) if self._roi is None else self._again(frame.image)
        pose = self._miss() if look is None else self._take(look, frame.time_ns / 1e9)
        whole_ms = (perf_counter() - started) * 1e3
        self._stages["track"] = whole_ms - self._stages["crop"] - self._stages["infer"]
        return pose

    def _again(self, image: Image) -> _Look | None:
        """One look where the subject was."""
        assert self._roi is not None
        roi, enough = self._roi, LEAVE
        if self._state is State.COAST:
            roi, enough = Roi(roi.x, roi.y, roi.size * COAST_GROWTH, roi.angle), ENTER
        look = self._look(image, [roi], self._one)[0]
        return self._found(look, image) if look.score >= enough else None

    def _search(self, image: Image) -> _Look | None:
        """The next few squares of the sweep, then closer looks at the best of them."""
        height, width = image.shape[:2]
        sweep = search_rois(width, height)
        rois = [sweep[(self._swept + i) % len(sweep)] for i in range(SEARCH_CROPS)]
        self._swept += SEARCH_CROPS
        look = max(self._look(image, rois, self._many), key=lambda look: look.score)
        for _ in range(REFINEMENTS):
            if look.score < LEAVE:
                break
            look = self._look(image, [Roi.around(look.points_px, self._margin)], self._one)[0]
            if look.score >= ENTER and (found := self._found(look, image)) is not None:
                return found
        return None

    def _look(self, image: Image, rois: Sequence[Roi], buffer: Image) -> list[_Look]:
        """Cut one crop per roi into `buffer` and run the network on all of it at once."""
        started = perf_counter()
        for roi, out in zip(rois, buffer, strict=True):
            crop(image, roi, self.engine.card.size, out=out)
        cut = perf_counter()
        keypoints, confidence = self.engine.run(buffer)
        done = perf_counter()
        self._stages["crop"] += (cut - started) * 1e3
        self._stages["infer"] += (done - cut) * 1e3
        known, sure = np.isfinite(keypoints), np.isfinite(confidence)
        if not (known.all() and sure.all()):
            usable = known.all((1, 2)) & sure.all(1)
            keypoints[~usable], confidence[~usable] = 0, 0
        scores = (np.add.reduce(confidence, 1) / confidence.shape[1]).tolist()
        return [
            _Look(roi, to_frame(keypoints[i], roi), confidence[i], scores[i])
            for i, roi in enumerate(rois)
        ]

    def _found(self, look: _Look, image: Image) -> _Look | None:
        """The look with its own square, if it fills the one looked in and lies in the picture."""
        height, width = image.shape[:2]
        own = Roi.around(look.points_px, self._margin)
        if own.size < LEAST_PX or own.overlap(look.roi) < AGREE:
            return None
        half = own.size / self._margin / 2  # of the box round the points, or more
        safe = half <= min(own.x, own.y, width - 1 - own.x, height - 1 - own.y)
        if not safe:
            inside = ((look.points_px >= 0) & (look.points_px < (width, height))).all(axis=1)
            if np.mean(inside) < 0.5:
                return None
        return look._replace(own=own)

    def _take(self, look: _Look, time_s: float) -> Pose:
        assert look.own is not None
        self._state, self._missed, self._swept = State.TRACK, 0, 0
        points, confidence = self._reader.read(look.points_px, look.confidence)
        turned = points is not look.points_px
        target = Roi.around(points, self._margin) if turned else look.own
        observed = self._observed
        observed[0], observed[1, 0], observed[2:] = (target.x, target.y), target.size, points
        self._trust[2:] = confidence
        filtered = self._filter.update(observed, time_s, target.size / self._margin, self._trust)
        (x, y), (size, _) = filtered[:2].tolist()
        self._roi = Roi(x, y, size)
        smoothed = filtered[2:] if self.smooth else points
        return Pose(State.TRACK, look.roi, points, smoothed, confidence)

    def _miss(self) -> Pose:
        if self._roi is not None:
            self._state = State.COAST
            self._missed += 1
            if self._missed > COAST_FRAMES:
                stages = self._stages
                self.reset()
                self._stages = stages
        return Pose(self._state)
