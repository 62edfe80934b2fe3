"""The stage: draws what `Screen` shows, the re-posed picture beside the driver's overlay."""

from collections.abc import Mapping

from engines.decoder import Decoder, load_decoder
from engines.engine import Engine
from engines.errors import DataError
from engines.geometry import Image
from engines.skeleton import Skeleton
from realtime.frame import Frame, Pose
from realtime.repose.layout import Arrangement
from realtime.repose.plan import Plan
from realtime.repose.reference import open_references
from realtime.repose.reposer import Reposer
from realtime.screen import Draws
from realtime.timing import Timings


class Stage:
    """Draws every frame as the layout says; takes the overlay's place in `Screen`.

    Attributes:
        reposer: for its controls.
        size: (width, height) of the pictures.
    """

    def __init__(self, reposer: Reposer, overlay: Draws, arrangement: Arrangement) -> None:
        self.reposer = reposer
        self.size = arrangement.size
        self._overlay = overlay
        self._arrangement = arrangement

    @property
    def stages(self) -> Mapping[str, float]:
        """Milliseconds of the last picture: "decode" and "paste"; all the rest is "draw"."""
        return self.reposer.stages

    def draw(self, frame: Frame, pose: Pose, stats: Timings) -> Image:
        """A new picture (H, W, 3) uint8 BGR; the frame's own is only read."""
        reposed = self.reposer.draw(pose, frame.time_ns)
        if self._arrangement.layout == "alone":
            return reposed
        return self._arrangement.put(reposed, self._overlay.draw(frame, pose, stats))


def open_stage(
    plan: Plan, engine: Engine, decoder: Decoder, overlay: Draws, driver: tuple[int, int]
) -> Stage:
    """Read the references and find their keypoints.

    Args:
        engine: of the tracker; finds the subject in the references.
        driver: (width, height) of the frames.

    Raises:
        DataError: a reference that is of no use, or tracker and decoder of two skeletons.
    """
    check_same(decoder, engine.card.skeleton, engine.card.name)
    reposer = Reposer(
        decoder, open_references(plan.references, engine), relative=plan.relative, mark=plan.mark
    )
    return Stage(reposer, overlay, Arrangement(plan.layout, reposer.size, driver))


def open_decoder(plan: Plan, device: str) -> Decoder:
    """As `load_decoder`."""
    return load_decoder(plan.decoder, device)


def check_same(decoder: Decoder, skeleton: Skeleton, whose: str) -> None:
    """
    Raises:
        DataError: `skeleton`, of `whose`, has other keypoints than the decoder.
    """
    own = decoder.card.skeleton
    if own.keypoints != skeleton.keypoints:
        raise DataError(
            f"{whose} finds the points of {skeleton.name}, {decoder.card.name} redraws those of "
            f"{own.name}; choose -m and --decoder for the same skeleton"
        )
