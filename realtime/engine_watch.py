"""The sink that notices when the engine changes, and tells the picture and the session."""

from typing import Protocol

from engines.swap import SwapEngine
from realtime.event import Kind
from realtime.frame import Frame, Pose
from realtime.overlay import Overlay
from realtime.timing import Timings


class Marks(Protocol):
    """What notes events: a recorder, or a desk."""

    def mark(self, frame: Frame, text: str = "", kind: Kind = Kind.MARK) -> None: ...


class EngineWatch:
    """Keeps the overlay's caption true, and notes each change of engine as an event.

    It comes before the sinks it tells.
    """

    def __init__(self, engine: SwapEngine, overlay: Overlay, recorder: Marks | None) -> None:
        self._engine = engine
        self._overlay = overlay
        self._recorder = recorder
        self._name = engine.name

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:  # noqa: ARG002 (a sink)
        self._overlay.caption = self._engine.caption
        if (name := self._engine.name) != self._name:
            self._name = name
            if self._recorder is not None:
                text = f"{name}, {self._engine.precision}"
                self._recorder.mark(frame, text, kind=Kind.ENGINE)

    def close(self) -> None:
        pass
