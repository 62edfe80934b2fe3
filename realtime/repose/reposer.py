"""The reposer: from the driver's pose in a frame to the reference picture in that pose."""

from collections.abc import Mapping, Sequence
from time import perf_counter

import numpy as np

from engines.decoder import Decoder
from engines.errors import DataError
from engines.geometry import Image, Points, crop, to_crop
from realtime.frame import Pose
from realtime.repose.mark import Mark
from realtime.repose.paste import Paste
from realtime.repose.presence import Presence
from realtime.repose.reference import Reference
from realtime.repose.similarity import Similarity, plane
from realtime.repose.surroundings import Surroundings
from realtime.repose.transfer import Transfer

CONFIDENT = 0.6  # mean confidence of a pose that is fit to be the calibration


class Reposer:
    """Draws one of several references as the driver moves.

    The first confident pose is the calibration: whoever is driving then stands as the reference
    does. The decoder stays the caller's to close. Use it on one thread.

    Attributes:
        stages: milliseconds of the last pose's picture: "decode" and "paste".
    """

    def __init__(
        self,
        decoder: Decoder,
        references: Sequence[Reference],
        *,
        relative: bool = True,
        mark: bool = True,
    ) -> None:
        """
        Args:
            references: of one size, at least one; the first is shown.
            relative: move the reference's own shape; otherwise take the driver's.
            mark: write "re-posed by keycam" into every picture.

        Raises:
            DataError: no reference, or one with another number of keypoints than the decoder's.
            EngineError: the decoder failed.
        """
        points = len(decoder.card.skeleton.keypoints)
        if not references or any(len(own.keypoints_px) != points for own in references):
            raise DataError(f"{decoder.card.name} redraws pictures with {points} keypoints")
        self._decoder = decoder
        self._references = tuple(references)
        self._relative = relative
        self._upright = decoder.card.skeleton.rotation == "upright"
        height, width = references[0].picture.shape[:2]
        self.size = (width, height)
        self._mark = Mark(self.size) if mark else None
        self._presence = Presence()
        self._calibration: Points | None = None
        self._transfer: Transfer | None = None
        self._made: tuple[Pose, int, Image] | None = None  # what was drawn last
        self.stages: Mapping[str, float] = {"decode": 0.0, "paste": 0.0}
        self._show(0)

    @property
    def reference(self) -> Reference:
        """The one that is shown."""
        return self._references[self._shown]

    def calibrate(self) -> None:
        """Let the next confident pose stand for the reference's own."""
        self._calibration = None

    def show(self, name: str | None = None) -> None:
        """Show the reference called `name`, or the next one; the calibration holds.

        Raises:
            DataError: there is none of that name.
        """
        names = [own.name for own in self._references]
        if name is not None and name not in names:
            raise DataError(f"no reference {name[:80]!r}; there are {', '.join(names)}")
        self._show((self._shown + 1) % len(names) if name is None else names.index(name))

    def reset(self) -> None:
        """Forget the driver."""
        self._presence.reset()
        self._made = None
        self._calibration = self._transfer = None
        self._asked = self._home

    def draw(self, pose: Pose, time_ns: int, *, mirrored: bool = False) -> Image:
        """A new picture (H, W, 3) uint8 BGR of the reference, posed as `pose` says.

        The same pose at the same time is decoded once, however often it is drawn.

        Args:
            time_ns: of the frame the pose was found in.
            mirrored: show it as in a mirror; the mark stays readable.

        Raises:
            EngineError: the decoder failed.
        """
        if self._made is None or self._made[0] is not pose or self._made[1] != time_ns:
            self._made = pose, time_ns, self._make(pose, time_ns / 1e9)
        picture = self._made[2]
        picture = np.ascontiguousarray(picture[:, ::-1]) if mirrored else picture.copy()
        if self._mark is not None:
            self._mark.write(picture)
        return picture

    def _make(self, pose: Pose, time_s: float) -> Image:
        started = perf_counter()
        points = self._follow(pose, time_s)
        drawn = self._decoder.draw(points)
        decoded = perf_counter()
        picture = self._surroundings.follow(Similarity.fit(plane(self._home), plane(points)))
        self._paste.paste(drawn, picture)
        pasted = perf_counter()
        self.stages = {"decode": (decoded - started) * 1e3, "paste": (pasted - decoded) * 1e3}
        return picture

    def _follow(self, pose: Pose, time_s: float) -> Points:
        """Where the reference's points go, crop space."""
        driver = pose.keypoints_px
        if driver is not None and not np.isfinite(driver).all():
            driver = None
        if driver is not None and self._calibration is None and _confident(pose):
            self._calibration, self._transfer = driver, self._to(driver)
        there = driver is not None and self._transfer is not None
        if driver is not None and self._transfer is not None:
            self._asked = self._transfer.pose(driver)
        share = self._presence.update(there=there, time_s=time_s)
        return np.asarray(self._home + share * (self._asked - self._home), np.float32)

    def _show(self, number: int) -> None:
        self._shown, self._made = number, None
        own, card = self.reference, self._decoder.card
        roi = own.roi(card.margin)
        self._home = to_crop(own.keypoints_px, roi)
        self._decoder.prepare(crop(own.picture, roi, card.size), self._home)
        self._surroundings = Surroundings(own.picture, roi, upright=self._upright)
        self._paste = Paste(own.picture, roi, self._decoder.draw(self._home))
        self._asked = self._home
        self._transfer = None if self._calibration is None else self._to(self._calibration)

    def _to(self, calibration: Points) -> Transfer:
        return Transfer(
            home=self._home,
            calibration=calibration,
            relative=self._relative,
            upright=self._upright,
        )


def _confident(pose: Pose) -> bool:
    return pose.confidence is not None and float(pose.confidence.mean()) >= CONFIDENT
