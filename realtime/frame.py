"""One capture, and what was found in it."""

from dataclasses import dataclass
from enum import StrEnum

from engines.geometry import Image, Points, Roi


@dataclass(frozen=True, eq=False)
class Frame:
    """One capture.

    Attributes:
        image: (H, W, 3) uint8 BGR; never written to again by whoever made it.
        index: number of this frame in its source, from 0, frames that were dropped counted.
        time_ns: capture time, `time.monotonic_ns()` clock.
        dropped: how many frames the source dropped between the frame delivered before and this.
    """

    image: Image
    index: int
    time_ns: int
    dropped: int = 0


class State(StrEnum):
    """What the tracker is doing."""

    SEARCH = "search"  # no subject known: looking over the frame
    TRACK = "track"  # a subject is followed
    COAST = "coast"  # the subject was just there: looking once more in the same place
    LOST_CAMERA = "lost camera"  # no frames come: nothing is known


@dataclass(frozen=True, eq=False)
class Pose:
    """What the tracker says about one frame.

    Attributes:
        state: after this frame.
        roi: where the tracker looked, or None if nothing was found in this frame.
        raw_px: (K, 2) float32 frame pixels from the network, unsmoothed; None if nothing was found.
        keypoints_px: the same, smoothed over time.
        confidence: (K,) float32 in [0, 1]; None if nothing was found.
        id: of the subject; the same as long as it is followed.
        others: the poses of further subjects in the same frame, each with its own id and state.
        predicted_px: where `keypoints_px` will be `ahead_ms` after the capture; None where nothing
            is predicted. It is for what is shown or sent at once, and never taken for what was
            seen.
    """

    state: State
    roi: Roi | None = None
    raw_px: Points | None = None
    keypoints_px: Points | None = None
    confidence: Points | None = None
    id: int = 0
    others: tuple["Pose", ...] = ()
    predicted_px: Points | None = None
    ahead_ms: float = 0.0

    @property
    def subjects(self) -> tuple["Pose", ...]:
        """The poses of all subjects that were found in this frame."""
        return tuple(pose for pose in (self, *self.others) if pose.keypoints_px is not None)
