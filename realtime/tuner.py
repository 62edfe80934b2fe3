"""The sink that tunes the smoothing: it watches a subject hold still, then sets what it found."""

import logging
from collections.abc import Callable

import numpy as np

from engines.geometry import Roi
from engines.skeleton import Skeleton
from realtime.frame import Frame, Pose
from realtime.timing import Timings
from realtime.tuning import LEAST_FRAMES, Tuned, noise_floor, tune

STILL_S = 2.0  # that the subject is watched for
MOVED = 0.1  # body sizes between the first third of that time and the last: not still
NOISIEST = 3  # points that are named

log = logging.getLogger(__name__)


class Tuner:
    """Measures raw keypoints until the first subject has been found and still for STILL_S.

    Attributes:
        found: what was found and set; None until then.
    """

    def __init__(self, skeleton: Skeleton, lag_s: float, use: Callable[[Tuned], None]) -> None:
        """
        Args:
            use: called once, on the loop's thread, with what was found.
        """
        self.found: Tuned | None = None
        self._skeleton = skeleton
        self._lag_s = lag_s
        self._use = use
        self._said = ""
        self._forget()

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        notice = ""
        if self.found is None:
            self._watch(frame, pose)
            left_s = STILL_S - (self._times[-1] - self._times[0] if self._times else 0.0)
            notice = f"hold still: {left_s:.1f} s" if left_s > 0 else self._try()
        if stats.notice in ("", self._said):  # another's goes first
            stats.notice = self._said = notice

    def close(self) -> None:
        if self.found is None:
            log.warning("the smoothing was not tuned: no subject held still for %g s", STILL_S)

    def _forget(self) -> None:
        self._times: list[float] = []
        self._points: list[np.ndarray] = []  # (K, 2) body sizes
        self._body = 0.0  # pixels: of the first frame, so that its own noise plays no part

    def _watch(self, frame: Frame, pose: Pose) -> None:
        if not pose.subjects or pose.subjects[0].raw_px is None:
            self._forget()
            return
        raw = pose.subjects[0].raw_px
        if not self._times:
            self._body = Roi.around(raw, margin=1.0).size
        time_s = frame.time_ns / 1e9
        if not self._times or time_s > self._times[-1]:
            self._times.append(time_s)
            self._points.append(raw.astype(np.float64) / self._body)

    def _try(self) -> str:
        """Tune with what was seen, if it was still; what the user should know."""
        times, points = np.array(self._times), np.stack(self._points)
        self._forget()
        third = len(times) // 3
        if len(times) < LEAST_FRAMES:
            return "too few frames to tune the smoothing"
        gone = np.linalg.norm(points[:third].mean(axis=0) - points[-third:].mean(axis=0), axis=-1)
        if float(np.median(gone)) > MOVED:
            return "that was not still; once more"
        step_s = float(np.median(np.diff(times)))
        self.found = tune(noise_floor(times, points), step_s, self._lag_s)
        self._use(self.found)
        log.info("%s", described(self.found, self._skeleton))
        return ""


def described(tuned: Tuned, skeleton: Skeleton) -> str:
    """What was found, for people, in one line."""
    worst = np.argsort(tuned.noise)[::-1][:NOISIEST]
    named = ", ".join(f"{skeleton.keypoints[i]} {tuned.noise[i]:.2%}" for i in worst)
    return (
        f"smoothing tuned: --smoothing {tuned.smoothing}; at rest points tremble by "
        f"{tuned.typical:.2%} of the body (most: {named}), smoothed by {tuned.jitter:.0%} of that; "
        f"from {tuned.clear:.2g} body sizes a second on they lag by at most "
        f"{tuned.lag_s * 1e3:.0f} ms, at {1 / tuned.step_s:.0f} frames a second"
    )
