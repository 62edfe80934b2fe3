from pathlib import Path
from threading import Event

import pytest
from doubles import FakeTracker, frames

from engines import Skeleton
from realtime.controls import Action, Controls
from realtime.deck import Deck
from realtime.frame import Frame
from realtime.loop import run
from realtime.memory import Memory
from realtime.recorder import Recorder
from realtime.session import SessionError, open_session
from realtime.timing import Timings
from realtime.verdict import validate


class Presses:
    """A sink that asks for something at some frames."""

    def __init__(self, controls: Controls, at: dict[int, list[tuple[Action, object]]]) -> None:
        self._controls, self._at = controls, at

    def take(self, frame, pose, stats) -> None:
        for action, value in self._at.get(frame.index, ()):
            self._controls.ask(action, value)

    def close(self) -> None:
        pass


def played(folder: Path, skeleton: Skeleton, at: dict, *, video: str | None = None) -> Deck:
    """A run of 30 frames; what is asked for at frame n happens before frame n + 1 is recorded."""
    source = Memory([frame.image for frame in frames(30)])
    controls = Controls(Event())
    deck = Deck(folder, lambda path: Recorder(path, source, skeleton, video=video), controls)
    controls.on(Action.RECORD, deck.switch)
    controls.on(Action.MARK, lambda frame, value: deck.mark(frame, value or ""))
    run(source, FakeTracker(), [controls, deck, Presses(controls, at)])
    return deck


def test_recordings_start_and_end_on_demand_and_are_valid(
    tmp_path: Path, mouse_skeleton: Skeleton
) -> None:
    on, off = [(Action.RECORD, True)], [(Action.RECORD, False)]
    mark = [(Action.MARK, "look")]
    at = {4: on, 6: mark, 9: off, 19: [(Action.RECORD, None)]}
    deck = played(tmp_path, mouse_skeleton, at, video="lossy")
    assert [len(list(open_session(path))) for path in deck.recorded] == [5, 10]
    for path in deck.recorded:
        verdict = validate(path)
        assert verdict.valid, verdict.problems
        assert verdict.closed
        assert verdict.video_frames == verdict.frames
        assert (verdict.lost, verdict.dropped) == (0, 0)
    marks = [(e.frame, e.text) for e in open_session(deck.recorded[0]).events() if e.kind == "mark"]
    assert marks == [(2, "look")]  # of frames numbered from the recording's first
    first, second = (next(iter(open_session(path))) for path in deck.recorded)
    assert (first.frame, second.frame) == (0, 0)
    assert second.time_ns - first.time_ns == pytest.approx(15 / 30 * 1e9, abs=1e3)


def test_asking_twice_starts_one(tmp_path: Path, mouse_skeleton: Skeleton) -> None:
    deck = played(
        tmp_path, mouse_skeleton, {2: [(Action.RECORD, True)], 5: [(Action.RECORD, True)]}
    )
    assert len(deck.recorded) == len(list(tmp_path.iterdir())) == 1


def test_frames_that_were_dropped_before_are_not_the_recordings(
    tmp_path: Path, mouse_skeleton: Skeleton
) -> None:
    controls, source = Controls(Event()), Memory([frames(1)[0].image])
    deck = Deck(tmp_path, lambda path: Recorder(path, source, mouse_skeleton), controls)
    image, pose = frames(1)[0].image, FakeTracker().pose
    taken = [Frame(image, 40, 0, dropped=7), Frame(image, 41, 10), Frame(image, 44, 20, dropped=2)]
    deck.switch(taken[0])
    for frame in taken:
        deck.take(frame, pose, Timings())
    deck.close()
    verdict = validate(deck.recorded[0])
    assert verdict.valid, verdict.problems
    assert (verdict.frames, verdict.dropped) == (3, 2)


def test_the_state_says_what_is_recorded(tmp_path: Path, mouse_skeleton: Skeleton) -> None:
    controls, source = Controls(Event()), Memory([frames(1)[0].image])
    deck = Deck(tmp_path, lambda path: Recorder(path, source, mouse_skeleton), controls)
    (frame,) = frames(1)
    deck.mark(frame)  # nothing runs: nothing happens
    deck.note({"smoothing": "1,2"})
    deck.switch(frame)
    assert controls.state.recording == deck.recorded[0]
    deck.note({"smoothing": "1,2"})
    deck.switch(frame)
    assert controls.state.recording is None
    deck.close()
    assert open_session(deck.recorded[0]).facts["options"] == {"smoothing": "1,2"}


def test_a_recording_that_cannot_start_is_told_and_the_loop_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: Path) -> Recorder:
        raise SessionError("the disk is full")

    controls = Controls(Event())
    deck = Deck(tmp_path, refuse, controls)
    (frame,) = frames(1)
    deck.switch(frame)
    deck.take(frame, FakeTracker().pose, Timings())
    deck.close()
    assert deck.recorded == []
    assert "the disk is full" in controls.said
    assert "the disk is full" in caplog.text


def test_one_that_fails_while_it_ends_is_an_error_of_the_run(
    tmp_path: Path, mouse_skeleton: Skeleton, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Memory([frames(1)[0].image])
    deck = Deck(tmp_path, lambda path: Recorder(path, source, mouse_skeleton), Controls(Event()))
    (frame,) = frames(1)
    deck.switch(frame)

    def fail(self: Recorder) -> None:
        close(self)
        raise SessionError("no room")

    close = Recorder.close
    monkeypatch.setattr(Recorder, "close", fail)
    with pytest.raises(SessionError, match="no room"):
        deck.close()
