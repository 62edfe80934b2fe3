"""The sink that draws: once per frame for each kind of output that wants the picture.

A `View` is looked at: it gets pictures no larger than it shows, mirrored and paused as the controls
say, with keypoints where they are predicted to be by now. Any other `Output`, such as a video file,
gets every frame in its full size, in the same style, with keypoints where they were seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Event
from time import monotonic_ns, sleep
from typing import Protocol

from engines.geometry import Image
from realtime.canvas import fitting
from realtime.controls import Controls, Settings
from realtime.frame import Frame, Pose, State
from realtime.gap import Gap
from realtime.keys import described
from realtime.loop import Closable, Tracks, closing_all
from realtime.timing import Timings

HOLD_S = 0.02  # between two looks at the controls while a file is paused


class Draws(Protocol):
    """Draws a frame. If it has `stages`, a mapping of stages (`realtime.timing`) to the
    milliseconds of the last frame, they are timed apart from "draw"; `close`, if it has one, is
    called with the screen's."""

    def prepare(self, frame: Frame, settings: Settings, room: tuple[int, int]) -> None:
        """Begin with a picture that `draw` is going to be asked for, on another thread."""

    def draw(
        self,
        frame: Frame,
        pose: Pose,
        stats: Timings,
        settings: Settings | None = None,
        *,
        room: tuple[int, int] | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> Image:
        """A new picture (h, w, 3) uint8 BGR; `frame.image` is not changed."""


class Output(Protocol):
    """Takes the drawn pictures: a window, a video file."""

    def show(self, picture: Image, frame: Frame) -> None:
        """`picture` (H, W, 3) uint8 BGR is drawn from `frame` and not to be changed."""

    def close(self) -> None: ...


class View(Output, Protocol):
    """An output that people look at."""

    @property
    def room(self) -> tuple[int, int]:
        """(width, height) that it can show now."""


class Prepared:
    """A tracker that lets a screen begin with each frame before it tracks it."""

    def __init__(self, tracker: Tracks, screen: "Screen") -> None:
        self._tracker = tracker
        self._screen = screen

    @property
    def stages(self) -> Mapping[str, float]:
        own: Mapping[str, float] = getattr(self._tracker, "stages", {})
        return own

    def track(self, frame: Frame) -> Pose:
        self._screen.prepare(frame)
        return self._tracker.track(frame)

    def reset(self) -> None:
        self._tracker.reset()


class Screen:
    """Draws, times it as the stage "draw", and gives the pictures to all outputs."""

    def __init__(
        self,
        overlay: Draws,
        outputs: Sequence[Output],
        views: Sequence[View] = (),
        *,
        controls: Controls | None = None,
        holds: bool = False,
        draws: bool = True,
    ) -> None:
        """
        Args:
            controls: what style, mirror and pause are taken from.
            holds: a pause stops the loop, as it should where the source waits, such as a file.
            draws: False where there are neither outputs nor views, but snapshots may be taken.
        """
        self._overlay = overlay
        self._outputs = tuple(outputs)
        self._views = tuple(views)
        self._controls = controls or Controls(Event())
        self._holds = holds
        self._draws = draws
        self._seen: tuple[Frame, Pose] | None = None  # what the views show
        self._last: Frame | None = None
        self._stats: Timings | None = None
        self._drawn: dict[tuple[tuple[int, int], Settings, str], Image] = {}  # of it

    def prepare(self, frame: Frame) -> None:
        """Begin to draw `frame` for the first view, before its pose is known."""
        settings = self._controls.state
        if self._views and not settings.paused:
            self._overlay.prepare(frame, settings, self._views[0].room)

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        started = monotonic_ns()
        self._stats, self._last = stats, frame
        settings = self._controls.state
        if self._seen is None or not settings.paused:
            self._seen = (frame, pose)
            self._drawn.clear()
        full = self._draw_full(frame, pose, stats, settings)
        pictures = self._draw_views(stats)
        if self._draws:
            rest_ms = (monotonic_ns() - started) / 1e6
            for stage, milliseconds in getattr(self._overlay, "stages", {}).items():
                stats.add(stage, milliseconds)
                rest_ms -= milliseconds
            stats.add("draw", max(rest_ms, 0.0))
        for output in self._outputs:
            output.show(full, frame)
        self._show(pictures)
        while self._holds and self._controls.state.paused and not self._controls.stopping:
            self._hold(frame, stats)

    def gone(self, gap: Gap, stats: Timings) -> None:
        """Show the views that the camera is gone, on its last frame; their keys go on answering.

        The other outputs get nothing, for there is no frame.
        """
        if self._last is None:
            return
        lost = Pose(State.LOST_CAMERA)
        if not self._controls.state.paused:
            self._seen = (self._last, lost)
        self._controls.take(self._last, lost, stats)
        before, stats.notice = stats.notice, gap.notice
        self._drawn.clear()
        self._show(self._draw_views(stats))
        stats.notice = before

    def snapshot(self) -> tuple[Image, Image] | None:
        """The picture as it is shown, in the frame's full size, and the frame as it came.

        None before there is one.
        """
        if self._seen is None or self._stats is None:
            return None
        frame, pose = self._seen
        settings = replace(self._controls.state, paused=False, help=False, recording=None)
        return self._overlay.draw(frame, pose, self._stats, settings), frame.image

    def close(self) -> None:
        own = [self._overlay] if isinstance(self._overlay, Closable) else []
        with closing_all([*self._outputs, *self._views, *own]):
            pass

    def _draw_full(self, frame: Frame, pose: Pose, stats: Timings, settings: Settings) -> Image:
        """For the outputs; a view that needs the same picture gets it, too."""
        if not self._outputs and (self._views or not self._draws):
            return frame.image
        plain = replace(settings, mirrored=False, paused=False, help=False, recording=None)
        seen = _as_seen(pose)
        picture = self._overlay.draw(frame, seen, stats, plain)
        if settings == plain and seen is pose:
            height, width = frame.image.shape[:2]
            self._drawn[(width, height), settings, stats.notice] = picture
        return picture

    def _draw_views(self, stats: Timings) -> list[Image]:
        """A picture for each view; in a pause only what has changed is drawn again."""
        assert self._seen is not None
        frame, pose = self._seen
        settings = self._controls.state
        height, width = frame.image.shape[:2]
        pictures = []
        for view in self._views:
            size = fitting((width, height), view.room)
            key = (size, settings, stats.notice)
            if key not in self._drawn:
                if len(self._drawn) > len(self._views):
                    self._drawn.clear()
                keys = described(self._controls.actions) if settings.help else None
                self._drawn[key] = self._overlay.draw(
                    frame, pose, stats, settings, room=view.room, keys=keys
                )
            pictures.append(self._drawn[key])
        return pictures

    def _show(self, pictures: Sequence[Image]) -> None:
        assert self._seen is not None
        for view, picture in zip(self._views, pictures, strict=True):
            view.show(picture, self._seen[0])

    def _hold(self, frame: Frame, stats: Timings) -> None:
        """Let a moment of a pause pass, which does not count as time of the loop."""
        began = monotonic_ns()
        sleep(HOLD_S)
        self._controls.take(frame, Pose(State.SEARCH), stats)
        self._show(self._draw_views(stats))
        stats.skip(monotonic_ns() - began)


def _as_seen(pose: Pose) -> Pose:
    """Without predictions, which lead the picture they are drawn on."""
    if all(own.predicted_px is None for own in pose.subjects):
        return pose
    others = tuple(replace(own, predicted_px=None) for own in pose.others)
    return replace(pose, predicted_px=None, others=others)
