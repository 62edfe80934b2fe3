"""Keypoints where they will be when they are seen, and how far off that was.

What is shown is old: by the time a pose is on the screen or at its receiver, the subject has moved
on. A point's place after h seconds is taken to be smoothed + g m with

    m = (mean of raw - smoothed) + h (mean velocity of smoothed)
    g = |m|^2 / (|m|^2 + SURE w (mean of |raw - smoothed - its mean|^2))

and exponential means of weight w (Holt, Forecasting Seasonals and Trends by Exponentially Weighted
Averages, 1957). The first mean is how far the smoothing trails; so a point at constant velocity is
predicted exactly. The gain g is Wiener's, of a movement over the noise of its estimate: what only
trembles stays where it is. A point that stops goes on by no more than its mean velocity, which
decays with 1 / (2 pi CUTOFF_HZ); none is moved by more than FARTHEST body sizes.
"""

import math
from collections import deque
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.geometry import Points, Roi
from realtime.frame import Frame, Pose
from realtime.loop import Tracks
from realtime.smoothing import smoothing_weight
from realtime.timing import Timings

CUTOFF_HZ = 3.0  # of the two means
SURE = 12.0  # a movement is half believed whose square is this many times that of its noise
FARTHEST = 0.25  # body sizes
LONGEST_S = 0.25  # that is predicted
GAP_S = 0.5  # without a subject, after which it is another one
WAITING = 1000  # predictions whose time has not come
AGE_WEIGHT = 0.1  # of a new frame in the mean age


class Motion:
    """One subject's points: where they are, and where they go."""

    def __init__(self) -> None:
        self._time_s = -math.inf
        self._last: Points = np.zeros((0, 2), np.float32)

    def predict(self, time_s: float, raw: Points, smoothed: Points, ahead_s: float) -> Points:
        """Take the next observation in, and say where its points are `ahead_s` later.

        Args:
            raw, smoothed: (K, 2), pixels.

        Returns:
            (K, 2) float32, pixels.
        """
        step_s = time_s - self._time_s
        if not 0 <= step_s < GAP_S or len(raw) != len(self._last):
            self._trailing = np.zeros(raw.shape)
            self._velocity = np.zeros(raw.shape)
            self._noise = np.zeros((len(raw), 1))
            self._known_s, self._weight = 0.0, 1.0
        elif step_s > 0:
            # the mean of what there is, until that is long enough for an exponential one
            self._known_s += step_s
            weight = max(smoothing_weight(CUTOFF_HZ, step_s), step_s / self._known_s)
            self._velocity += weight * ((smoothed - self._last) / step_s - self._velocity)
            new = (raw - smoothed) - self._trailing
            self._trailing += weight * new
            self._noise += weight * ((new**2).sum(axis=1, keepdims=True) - self._noise)
            self._weight = weight
        self._time_s, self._last = time_s, smoothed
        moved = self._trailing + min(ahead_s, LONGEST_S) * self._velocity
        power = (moved**2).sum(axis=1, keepdims=True)
        moved *= power / np.maximum(power + SURE * self._noise * self._weight, 1e-12)
        farthest = FARTHEST * Roi.around(raw, margin=1.0).size
        length = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
        predicted: Points = (smoothed + moved * np.minimum(1.0, farthest / length)).astype(
            np.float32
        )
        return predicted


@dataclass(frozen=True, kw_only=True)
class Score:
    """How far predictions were from the raw keypoints later seen at that time.

    Attributes:
        ahead_ms: mean time predicted.
        n: predictions that could be compared, of all subjects.
        error_px: mean distance over all points, frame pixels.
        unpredicted_px: the same for the smoothed points as they were, without predicting.
        error, unpredicted: the same, body sizes.
    """

    ahead_ms: float
    n: int
    error_px: float
    unpredicted_px: float
    error: float
    unpredicted: float

    def to_text(self) -> str:
        return (
            f"predicted {self.ahead_ms:.0f} ms ahead: off by {self.error_px:.1f} px "
            f"({self.error:.1%} of the body) from what was then seen; without predicting by "
            f"{self.unpredicted_px:.1f} px ({self.unpredicted:.1%}); {self.n} compared"
        )


class _Guess(NamedTuple):
    """A prediction whose time has not come."""

    subject: int
    due_s: float
    ahead_s: float
    predicted: Points
    smoothed: Points
    body_px: float


class Predicting:
    """A tracker whose poses also say where their keypoints will be when they are shown.

    It is a sink, too, and the last one: there it learns how old a frame is in the end.
    """

    def __init__(self, tracker: Tracks, ahead_ms: float | None = None) -> None:
        """
        Args:
            ahead_ms: how far to predict, at most LONGEST_S; None for the mean age of the frames
                when all sinks have taken them.
        """
        self._tracker = tracker
        self._fixed_s = None if ahead_ms is None else min(ahead_ms / 1e3, LONGEST_S)
        self._errors: NDArray[np.float64] = np.zeros(6)  # sums, as in `score`
        self.reset()

    @property
    def stages(self) -> dict[str, float]:
        return dict(getattr(self._tracker, "stages", {}))

    @property
    def ahead_s(self) -> float:
        """How far is predicted now."""
        return min(self._age_s, LONGEST_S) if self._fixed_s is None else self._fixed_s

    @property
    def score(self) -> Score | None:
        """How well it went; None before anything could be compared."""
        n = int(self._errors[0])
        if n == 0:
            return None
        ahead_s, error_px, unpredicted_px, error, unpredicted = (self._errors[1:] / n).tolist()
        return Score(
            ahead_ms=ahead_s * 1e3,
            n=n,
            error_px=error_px,
            unpredicted_px=unpredicted_px,
            error=error,
            unpredicted=unpredicted,
        )

    def reset(self) -> None:
        self._tracker.reset()
        self._age_s = 0.0
        self._motions: dict[int, Motion] = {}
        self._seen: dict[int, tuple[float, Points]] = {}  # when and where, last
        self._guesses: deque[_Guess] = deque(maxlen=WAITING)

    def track(self, frame: Frame) -> Pose:
        """As the tracker; every pose that was found gets `predicted_px` and `ahead_ms`."""
        pose = self._tracker.track(frame)
        time_s, ahead_s = frame.time_ns / 1e9, self.ahead_s
        known = {own.id for own in pose.subjects}
        self._motions = {number: own for number, own in self._motions.items() if number in known}
        first, *others = (self._predicted(own, time_s, ahead_s) for own in (pose, *pose.others))
        return replace(first, others=tuple(others))

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:  # noqa: ARG002 (a sink)
        age_s = stats.age_ms / 1e3
        self._age_s += (AGE_WEIGHT if self._age_s else 1.0) * (age_s - self._age_s)

    def close(self) -> None:
        pass

    def _predicted(self, own: Pose, time_s: float, ahead_s: float) -> Pose:
        raw, smoothed = own.raw_px, own.keypoints_px
        if raw is None or smoothed is None:
            return own
        self._compare(own.id, time_s, raw)
        motion = self._motions.setdefault(own.id, Motion())
        predicted = motion.predict(time_s, raw, smoothed, ahead_s)
        body_px = Roi.around(raw, margin=1.0).size
        due_s = time_s + ahead_s
        self._guesses.append(_Guess(own.id, due_s, ahead_s, predicted, smoothed, body_px))
        return replace(own, predicted_px=predicted, ahead_ms=ahead_s * 1e3)

    def _compare(self, subject: int, time_s: float, raw: Points) -> None:
        """Score the guesses about this subject whose time lies between its last frame and this."""
        before_s, before = self._seen.get(subject, (math.inf, raw))
        self._seen[subject] = (time_s, raw)
        waiting, self._guesses = self._guesses, deque(maxlen=WAITING)
        for own in waiting:
            if own.subject != subject or own.due_s > time_s:
                self._guesses.append(own)
            elif before_s < own.due_s and time_s - before_s < GAP_S:
                share = (own.due_s - before_s) / (time_s - before_s)
                truth = before + share * (raw - before)
                errors = [
                    float(np.linalg.norm(points - truth, axis=1).mean())
                    for points in (own.predicted, own.smoothed)
                ]
                relative = [error / own.body_px for error in errors]
                self._errors += [1, own.ahead_s, *errors, *relative]
