"""One subject that is followed: where to look for it, which end is which, and how sure that is."""

from dataclasses import replace
from math import atan2, cos, hypot, pi, sin

import numpy as np

from engines.geometry import Points, Roi
from engines.lookalikes import lookalikes
from engines.skeleton import Skeleton
from engines.symmetry import Symmetry
from realtime.frame import Pose, State
from realtime.look import Look
from realtime.reader import Reader
from realtime.smoothing import OneEuro

COAST_FRAMES = 6  # looks at the last place before it is given up
COAST_GROWTH = 1.25  # of the square looked in while coasting
ENTER = 0.5  # mean confidence that takes a subject up
LEAVE = 0.35  # mean confidence below which it is missed
STEADY = 0.5  # share of the newest step in what is taken for its motion
SURE = 0.75  # mean confidence below which a subject is checked often

# A check looks once more at a square that lies, and is turned, a little otherwise. What is there
# is found in the same place of the frame; what the network only imagines moves with its crop.
SHIFT = 0.15  # of the square, in its sides
GROWTH = 1.1  # of its side
TURN = 0.25  # radians
DIFFER = 0.2  # mean distance of the two answers, in sides of the pose's box, that is too much
STRIKES = 3  # checks in a row that fail until the subject is given up
FIRST_CHECK, RARELY, OFTEN = 2, 120, 8  # frames from one check to the next


class Follower:
    """Follows one subject from look to look; its tracker does the looking.

    Attributes:
        id: of its subject.
        state: after the last frame.
        roi: where to look in the next frame; None while the subject is not known.
        place: where it was followed last, None if never.
        missed: frames in a row without it.
        filter: of its keypoints and its square.
    """

    def __init__(self, number: int, skeleton: Skeleton, margin: float, *, smooth: bool) -> None:
        self.id = number
        self._skeleton = skeleton
        self._margin = margin
        self._smooth = smooth
        self._upright = Symmetry(skeleton).known
        self._reader = Reader(skeleton)
        self.filter = OneEuro()
        keypoints = len(skeleton.keypoints)
        # What is filtered, frame pixels: the roi's centre, its side as a vector that points along
        # its x axis, which makes the angle a place on a circle, and the keypoints.
        self._observed = np.zeros((2 + keypoints, 2), np.float32)
        self._trust = np.ones(2 + keypoints, np.float32)
        self.place: Roi | None = None
        self.reset()

    def reset(self) -> None:
        """Forget the subject, but not where it was."""
        self.state = State.SEARCH
        self.roi: Roi | None = None
        self.missed = 0
        self._wait, self._until = FIRST_CHECK, FIRST_CHECK  # frames between checks, to the next
        self._strikes = self._checks = 0
        self._step = 0j  # from frame to frame, pixels
        self._unsure = False
        self._reader.reset()
        self.filter.reset()

    @property
    def where(self) -> Roi:
        """The square to look in, wider while the subject is missed."""
        assert self.roi is not None
        if self.state is State.COAST:
            return replace(self.roi, size=self.roi.size * COAST_GROWTH)
        return self.roi

    @property
    def expected(self) -> Roi:
        """Where its subject is in the next frame if it goes on as it went."""
        assert self.roi is not None
        ahead = self._step * (self.missed + 1)
        return replace(self.roi, x=self.roi.x + ahead.real, y=self.roi.y + ahead.imag)

    @property
    def enough(self) -> float:
        """Mean confidence from which a look is believed."""
        return ENTER if self.state is State.COAST else LEAVE

    def take(self, look: Look, time_s: float) -> Pose:
        """The subject was found; the pose with this frame's state."""
        before, missed = self.roi, self.missed
        self.state, self.missed = State.TRACK, 0
        self._unsure = look.score < SURE and self._upright
        if look.score < SURE:
            self._wait, self._until = min(self._wait, OFTEN), min(self._until, OFTEN)
        self._until -= 1
        points, confidence = self._reader.read(look.points_px, look.confidence)
        read = points is not look.points_px
        target = Roi.along(points, self._margin, look.own.angle) if read else look.own
        observed, angle = self._observed, target.angle
        observed[0], observed[2:] = (target.x, target.y), points
        observed[1] = (
            (target.size * cos(angle), target.size * sin(angle)) if angle else (target.size, 0)
        )
        self._trust[2:] = confidence
        filtered = self.filter.update(observed, time_s, target.size / self._margin, self._trust)
        (x, y), (along, down) = filtered[:2].tolist()
        self.roi = Roi(x, y, hypot(along, down), atan2(down, along)) if down else Roi(x, y, along)
        if before is not None and not missed:
            self._step += STEADY * (complex(x - before.x, y - before.y) - self._step)
        self.place = self.roi
        smoothed = filtered[2:] if self._smooth else points
        return Pose(State.TRACK, look.roi, points, smoothed, confidence, self.id)

    def miss(self) -> Pose:
        """The subject was not found."""
        if self.roi is not None:
            self.state = State.COAST
            self.missed += 1
            if self.missed > COAST_FRAMES:
                self.reset()
        return Pose(self.state, id=self.id)

    @property
    def doubtful(self) -> bool:
        """Whether it is time for a check."""
        return self.state is State.TRACK and self._until <= 0

    def check(self) -> Roi:
        """The square for the next check, another one each time.

        While the network is not sure of what has an up, three of four are turned by quarters: it
        may lie on its side, and be read as if it stood.
        """
        assert self.roi is not None
        self._checks += 1
        quarters = self._checks % 4 if self._unsure else 0
        if quarters:
            return replace(self.roi, angle=self.roi.angle + quarters * pi / 2)
        return perturbed(self.roi, self._checks)

    def judge(self, look: Look, again: Look) -> bool:
        """Compare a look with its check; False if the subject is to be given up.

        Checks become rare while they agree, each wait twice as long as the one before, and follow
        each other closely once one does not. A square turned by quarters can only be surer: it
        tells nothing against what was found.
        """
        if cos(again.roi.angle - look.roi.angle) < cos(pi / 4):
            self._until = FIRST_CHECK
            return True
        if agree(look, again, self._skeleton):
            self._strikes, self._wait = 0, min(2 * self._wait, RARELY)
        else:
            self._strikes, self._wait = self._strikes + 1, FIRST_CHECK
        self._until = self._wait
        return self._strikes < STRIKES


def perturbed(roi: Roi, number: int) -> Roi:
    """A square that holds the same subject elsewhere, larger, and turned; four take turns."""
    right, down = (SHIFT if number & 1 else -SHIFT), (SHIFT if number & 2 else -SHIFT)
    return Roi(
        roi.x + right * roi.size,
        roi.y + down * roi.size,
        roi.size * GROWTH,
        roi.angle + (TURN if number & 1 else -TURN),
    )


def agree(look: Look, again: Look, skeleton: Skeleton) -> bool:
    """Whether two looks at one thing found it in the same place, in any of its readings."""
    return again.score >= LEAVE and apart(look.points_px, again, skeleton) < DIFFER


def apart(points_px: Points, again: Look, skeleton: Skeleton) -> float:
    """Mean distance of two poses (K, 2), in sides of the first one's box, at the best reading."""
    side = max(float(np.ptp(points_px, axis=0).max()), 1.0)
    every = again.points_px[None]
    if skeleton.rotation == "any":
        every = lookalikes(again.points_px, skeleton)
    gaps = np.linalg.norm(every - points_px, axis=-1).mean(axis=-1)
    return float(gaps.min()) / side
