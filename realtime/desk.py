"""What the controls of a loop do to its parts."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from engines.engine import Engine
from realtime.controls import Action, Controls, Value
from realtime.deck import Deck
from realtime.event import MAX_TEXT, Kind
from realtime.frame import Frame
from realtime.loop import Sink
from realtime.recorder import Quality, Recorder, clock, describe_model
from realtime.replay import Replay
from realtime.screen import Screen
from realtime.snapshot import Snapshots
from realtime.source import Source
from realtime.viewing import Viewing

Make: TypeAlias = Callable[[Path, Quality | None], Recorder]


def recorders(source: Source, engine: Engine, model: Path, options: Mapping[str, Any]) -> Make:
    """What opens recorders of this run, with what `engine` and `options` are at the time."""

    def make(path: Path, video: Quality | None) -> Recorder:
        return Recorder(
            path,
            source,
            engine.card.skeleton,
            model=describe_model(engine, model),
            options=options,
            video=video,
            anchor=anchor_of(source),
        )

    return make


def anchor_of(source: Source) -> Callable[[], Mapping[str, Any]]:
    """What ties the clock of the frames' times to wall-clock time."""
    return source.anchor if isinstance(source, Replay) else clock


class Desk:
    """Connects the controls to a screen, to the recording of the whole run if there is one, and
    else to recordings on demand.

    Attributes:
        sinks: to come after the others.
    """

    def __init__(
        self,
        controls: Controls,
        viewing: Viewing,
        screen: Screen | None,
        recorder: Recorder | None,
        make: Make,
    ) -> None:
        """
        Args:
            viewing: where recordings and snapshots on demand go, and whether they hold frames.
            make: opens the recorder of a new session folder.
        """
        folder = viewing.record_to
        video: Quality | None = "lossy" if viewing.record_video else None
        self.sinks: list[Sink] = []
        self._recorder: Recorder | Deck
        if screen is not None:
            snapshots = Snapshots(folder, screen.snapshot, controls)
            controls.on(Action.SNAPSHOT, snapshots.snap)
            self.sinks.append(snapshots)
        if recorder is None:
            deck = self._recorder = Deck(folder, lambda path: make(path, video), controls)
            controls.on(Action.RECORD, deck.switch)
            self.sinks.append(deck)
        else:
            self._recorder, path = recorder, recorder.path
            controls.recording(path)
            controls.on(Action.RECORD, lambda *_: controls.say(f"all of it is recorded: {path}"))
        controls.on(Action.MARK, self._mark)
        self._controls = controls

    def mark(self, frame: Frame, text: str = "", kind: Kind = Kind.MARK) -> None:
        """Note an event in the recording that runs, if one does."""
        self._recorder.mark(frame, text, kind)

    def note(self, options: Mapping[str, Any]) -> None:
        """Change options of the recording that runs, if one does."""
        self._recorder.note(options)

    def _mark(self, frame: Frame, value: Value) -> None:
        text = value if isinstance(value, str) else ""
        self.mark(frame, text[:MAX_TEXT])
        there = self._controls.state.recording is not None
        self._controls.say("marked" if there else "nothing is recorded, so nothing is marked")
