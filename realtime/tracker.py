"""The tracker: from a frame to its poses, remembering where the subjects were.

    SEARCH --found--> TRACK --missed--> COAST --missed for COAST_FRAMES--> SEARCH
                        ^ |               |
                        | +--doubted------|--> SEARCH
                        +------found------+

A subject is taken up at a mean confidence of ENTER, once a second look at a square that lies
otherwise has found it in the same place, and followed down to LEAVE. A look counts as found only if
the pose fills the square it was looked for in as poses did in training: the square cut round the
pose and the one looked in agree. That catches jumps to another thing, collapsed poses, and answers
out of nowhere. Half of the points must lie in the picture. A subject that is followed is checked
now and then, as it was when it was taken up, and given up when the checks do not agree.

The square is turned with its subject where that has an up: see `engines.symmetry`. A subject that
may lie any way round keeps its ends and sides from frame to frame, unless the network insists on
others: `realtime.reader` has the rule.

The work per frame is bounded: a crop for each subject that is known, one more if one is checked,
and while fewer are followed than may be, what `realtime.searcher` spends.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter

from engines.engine import Engine
from engines.errors import DataError
from engines.geometry import Image
from realtime.assign import SAME, assign
from realtime.follower import Follower
from realtime.frame import Frame, Pose, State
from realtime.look import Look, Looker
from realtime.searcher import SEARCH_CROPS, Searcher
from realtime.smoothing import Smoothing

MOST_SUBJECTS = 16  # that are followed at once
PATIENCE = 3  # looks at the last place before the rest of the frame is searched, too
STRANGER = 2.0  # sides of its square; a subject found farther from where one was lost is a new one
SURER = 0.1  # by so much a check must be to be believed instead


class Tracker:
    """Follows the subjects in the frames of one source.

    Frames come in the order of their times. `engine` stays the caller's to close. All buffers
    are allocated here once, and the engine is run once for each batch size it will often see, so
    the first frame is not slower than the others.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        smooth: bool = True,
        smoothing: Smoothing | None = None,
        max_subjects: int = 1,
    ) -> None:
        """
        Args:
            smooth: whether `Pose.keypoints_px` are smoothed over time.
            smoothing: how much; None for the usual.
            max_subjects: how many are followed at most, 1 to MOST_SUBJECTS. Their ids go from 0 to
                one less; a subject that was lost gets the id of the one that was lost nearest to
                where it is found.

        Raises:
            DataError: `max_subjects` is out of range.
        """
        if type(max_subjects) is not int or not 1 <= max_subjects <= MOST_SUBJECTS:
            raise DataError(
                f"{max_subjects} subjects cannot be followed; name a number from 1 to "
                f"{MOST_SUBJECTS}"
            )
        self.engine = engine
        skeleton = engine.card.skeleton
        self._looker = Looker(engine, max(SEARCH_CROPS, max_subjects + 1))
        self._searcher = Searcher(self._looker)
        self._followers = [
            Follower(number, skeleton, engine.card.margin, smooth=smooth)
            for number in range(max_subjects)
        ]
        self.smoothing = smoothing or Smoothing()
        self.reset()
        self._looker.warm_up({*range(1, max_subjects + 2), *self._searcher.batches})

    def reset(self) -> None:
        """Forget the subjects: what follows is what a fresh tracker would answer."""
        for follower in self._followers:
            follower.reset()
            follower.place = None
        self._searcher.reset()
        self._stages = {"crop": 0.0, "infer": 0.0, "track": 0.0}

    @property
    def state(self) -> State:
        """TRACK if any subject is followed, else COAST if any was just there."""
        return _foremost(follower.state for follower in self._followers)

    @property
    def smoothing(self) -> Smoothing:
        """How much is smoothed; may be changed between two frames."""
        first = self._followers[0].filter
        return Smoothing(min_cutoff_hz=first.min_cutoff_hz, beta=first.beta)

    @smoothing.setter
    def smoothing(self, own: Smoothing) -> None:
        for follower in self._followers:
            follower.filter.min_cutoff_hz, follower.filter.beta = own.min_cutoff_hz, own.beta

    @property
    def stages(self) -> Mapping[str, float]:
        """Milliseconds spent in the last call: "crop", "infer", and "track" for all the rest."""
        return self._stages

    def track(self, frame: Frame) -> Pose:
        """Find the subjects in the next frame.

        Returns:
            The pose of the followed subject with the lowest id, the further ones in its `others`.

        Raises:
            EngineError: the engine failed.
            DataError: the frame's image is not (H, W, 3) uint8.
        """
        started = perf_counter()
        self._looker.begin()
        finds = self._again(frame.image)
        if not self._wanting(finds):
            self._searcher.reset()
        else:
            taken = [find.own for find in finds if find is not None]
            if (look := self._searcher.search(frame.image, taken)) is not None:
                finds[self._slot(look, finds)] = look
        pose = self._told(finds, frame.time_ns / 1e9)
        stages = self._looker.stages
        whole_ms = (perf_counter() - started) * 1e3
        self._stages = {**stages, "track": whole_ms - stages["crop"] - stages["infer"]}
        return pose

    def _again(self, image: Image) -> list[Look | None]:
        """One look where each subject was, and at the one that is to be checked a second."""
        finds: list[Look | None] = [None] * len(self._followers)
        followed = [follower for follower in self._followers if follower.roi is not None]
        if not followed:
            return finds
        rois = [follower.where for follower in followed]
        checked = next((follower for follower in followed if follower.doubtful), None)
        looks = self._looker.look(image, [*rois, checked.check()] if checked else rois)
        again = looks.pop() if checked else None
        found = [
            look if look.score >= follower.enough and self._looker.fills(look, image) else None
            for follower, look in zip(followed, looks, strict=True)
        ]
        if len(found) > 1:
            found = assign([follower.expected for follower in followed], found)
        for follower, find in zip(followed, found, strict=True):
            if follower is checked and find and again:
                if again.score > find.score + SURER and self._looker.fills(again, image):
                    find = again
                    follower.filter.reset()
                elif not follower.judge(find, again):
                    follower.reset()
                    continue
            finds[follower.id] = find
        return finds

    def _wanting(self, finds: Sequence[Look | None]) -> bool:
        """Whether the frame is to be searched for a subject that is not followed."""
        return any(
            find is None and (follower.roi is None or follower.missed >= PATIENCE)
            for follower, find in zip(self._followers, finds, strict=True)
        )

    def _slot(self, look: Look, finds: Sequence[Look | None]) -> int:
        """Whose find it is: the free id whose subject was followed nearest to it last."""

        def away(follower: Follower) -> float:
            place = follower.place
            return STRANGER if place is None else place.distance(look.own) / place.size

        free = [own for own, find in zip(self._followers, finds, strict=True) if find is None]
        follower = min(free, key=away)
        if follower.roi is not None and follower.roi.overlap(look.own) < SAME:
            follower.reset()
        return follower.id

    def _told(self, finds: Sequence[Look | None], time_s: float) -> Pose:
        """The poses of all subjects, the first one's with the others in it."""
        poses = [
            follower.miss() if find is None else follower.take(find, time_s)
            for follower, find in zip(self._followers, finds, strict=True)
        ]
        if len(poses) == 1:
            return poses[0]
        state = _foremost(pose.state for pose in poses)
        first = next(pose for pose in poses if pose.state is state)
        known = (pose for pose in poses if pose is not first and pose.state is not State.SEARCH)
        return replace(first, others=tuple(known))


def _foremost(states: Iterable[State]) -> State:
    """TRACK before COAST before SEARCH."""
    return min(states, key=(State.TRACK, State.COAST, State.SEARCH).index)
