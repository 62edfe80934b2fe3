"""The stage: draws what `Screen` shows, the re-posed picture beside the driver's overlay."""

from collections.abc import Mapping
from contextlib import ExitStack

from engines.decoder import Decoder, load_decoder
from engines.engine import Engine
from engines.errors import DataError
from engines.geometry import Image
from engines.skeleton import Skeleton
from realtime.controls import Action, Controls, Settings, Value
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
        reposer: what it shows.
        decoder: the one it draws with, which the stage owns.
        size: (width, height) of the pictures.
    """

    def __init__(
        self, reposer: Reposer, decoder: Decoder, overlay: Draws, arrangement: Arrangement
    ) -> None:
        self.reposer = reposer
        self.size = arrangement.size
        self.decoder = decoder
        self._overlay = overlay
        self._arrangement = arrangement

    @property
    def stages(self) -> Mapping[str, float]:
        """Milliseconds of the last picture: "decode" and "paste"; all the rest is "draw"."""
        return self.reposer.stages

    def prepare(self, frame: Frame, settings: Settings, room: tuple[int, int]) -> None:  # noqa: ARG002 (as for `draw`)
        """Begin with the driver's picture on another thread."""
        if self._arrangement.layout != "alone":
            self._overlay.prepare(frame, settings, self._arrangement.driver)

    def draw(
        self,
        frame: Frame,
        pose: Pose,
        stats: Timings,
        settings: Settings | None = None,
        *,
        room: tuple[int, int] | None = None,  # noqa: ARG002 (a view scales it by itself)
        keys: Mapping[str, str] | None = None,
    ) -> Image:
        """A new picture (H, W, 3) uint8 BGR of this stage's size; the frame's own is only read."""
        mirrored = settings is not None and settings.mirrored
        reposed = self.reposer.draw(pose, frame.time_ns, mirrored=mirrored)
        if self._arrangement.layout == "alone":
            return reposed
        place = self._arrangement.driver
        driver = self._overlay.draw(frame, pose, stats, settings, room=place, keys=keys)
        return self._arrangement.put(reposed, driver)

    def obey(self, controls: Controls) -> None:
        """Calibrate and change the reference when they are asked to."""

        def show(_: Frame, value: Value) -> None:
            try:
                self.reposer.show(value if isinstance(value, str) else None)
            except DataError as error:
                controls.say(str(error))
            else:
                controls.say(self.reposer.reference.name)

        def calibrate(_: Frame, __: Value) -> None:
            self.reposer.calibrate()
            controls.say("calibrated")

        controls.on(Action.REFERENCE, show)
        controls.on(Action.CALIBRATE, calibrate)

    def close(self) -> None:
        self.decoder.close()


def open_stage(
    plan: Plan, engine: Engine, overlay: Draws, driver: tuple[int, int], device: str = "auto"
) -> Stage:
    """Load the decoder, read the references and find their keypoints.

    Args:
        engine: of the tracker; finds the subject in the references.
        driver: (width, height) of the frames.
        device: of the decoder, as for `engines.load_decoder`.

    Raises:
        DataError: a reference that is of no use, or tracker and decoder of two skeletons.
        EngineError: the decoder cannot be had.
    """
    decoder = load_decoder(plan.decoder, device)
    with ExitStack() as undo:
        undo.callback(decoder.close)
        check_same(decoder, engine.card.skeleton, engine.card.name)
        references = open_references(plan.references, engine)
        reposer = Reposer(decoder, references, relative=plan.relative, mark=plan.mark)
        arrangement = Arrangement(plan.layout, reposer.size, driver)
        undo.pop_all()
    return Stage(reposer, decoder, overlay, arrangement)


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
