from pathlib import Path
from threading import Event, Thread

import pytest
from doubles import frames

from engines import DataError
from realtime.controls import WAITING, Action, Controls, Settings
from realtime.style import Style
from realtime.timing import Timings

(FRAME,) = frames(1)


@pytest.fixture
def controls() -> Controls:
    return Controls(Event())


def test_nothing_happens_before_the_loop_acts(controls: Controls) -> None:
    controls.ask(Action.PAUSE)
    assert not controls.state.paused
    controls.take(FRAME, None, Timings())
    assert controls.state.paused


@pytest.mark.parametrize(
    ("action", "name"),
    [("pause", "paused"), ("mirror", "mirrored"), ("raw", "raw"), ("help", "help")],
)
def test_switches_turn_over_or_are_set(controls: Controls, action: str, name: str) -> None:
    for value, expected in [
        (None, True),
        (None, False),
        (True, True),
        (True, True),
        (False, False),
    ]:
        controls.ask(action, value)
        controls.act(FRAME)
        assert getattr(controls.state, name) is expected
        assert controls.state.to_dict()[name] is expected


def test_trails_are_part_of_the_style(controls: Controls) -> None:
    controls.ask(Action.TRAILS)
    controls.act(FRAME)
    assert controls.state.style == Style(trails=True)
    controls.ask(Action.STYLE, "points,black")
    controls.ask(Action.TRAILS, True)
    controls.act(FRAME)
    assert controls.state.to_dict()["style"] == "points,trails,black"


def test_styles_go_round(controls: Controls) -> None:
    seen = []
    for _ in range(5):
        seen.append(str(controls.state.style))
        controls.ask(Action.STYLE)
        controls.act(FRAME)
    assert len(set(seen)) == 5
    assert controls.state.style == Style()


def test_quit_stops_at_once_even_where_no_frame_comes() -> None:
    stop = Event()
    Controls(stop).ask("quit")
    assert stop.is_set()


def test_handlers_are_called_in_order_with_the_frame_and_the_value(controls: Controls) -> None:
    called = []
    controls.on(Action.MARK, lambda frame, value: called.append((1, frame, value)))
    controls.on(Action.MARK, lambda frame, value: called.append((2, frame, value)))
    controls.ask(Action.MARK, "it jumped")
    assert called == []
    controls.act(FRAME)
    controls.act(FRAME)
    assert called == [(1, FRAME, "it jumped"), (2, FRAME, "it jumped")]


def test_what_nobody_can_do_is_said_not_done(controls: Controls) -> None:
    assert Action.REFERENCE not in controls.actions
    controls.ask(Action.REFERENCE)
    controls.act(FRAME)
    assert "reference" in controls.said
    controls.on(Action.REFERENCE, lambda frame, value: None)
    assert Action.REFERENCE in controls.actions


@pytest.mark.parametrize(
    ("action", "value", "named"),
    [
        ("dance", None, "'dance'"),
        ("pause", "yes", "pause"),
        ("snapshot", "../../etc/x", "snapshot"),
        ("mark", "x" * 1001, "mark"),
        ("style", "glitter", "glitter"),
        ("style", True, "style"),
        ("quit", 1, "quit"),
        ("pause", 1, "pause"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    controls: Controls, action: str, value: object, named: str
) -> None:
    with pytest.raises(DataError, match=named):
        controls.ask(action, value)
    controls.act(FRAME)
    assert controls.state == Settings()


def test_many_threads_may_ask(controls: Controls) -> None:
    called = []
    controls.on(Action.MARK, lambda frame, value: called.append(value))

    def ask(name: str) -> None:
        for i in range(WAITING // 4):
            controls.ask(Action.MARK, f"{name}{i}")

    threads = [Thread(target=ask, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    controls.act(FRAME)
    for name in "abcd":  # none lost, each thread's own in order
        own = [value for value in called if value[0] == name]
        assert own == [f"{name}{i}" for i in range(WAITING // 4)]


def test_more_than_can_wait_leaves_the_newest(controls: Controls) -> None:
    called = []
    controls.on(Action.MARK, lambda frame, value: called.append(value))
    for i in range(WAITING + 3):
        controls.ask(Action.MARK, str(i))
    controls.act(FRAME)
    assert called == [str(i) for i in range(3, WAITING + 3)]


def test_a_state_never_changes_under_its_reader(controls: Controls) -> None:
    before = controls.state
    controls.ask(Action.RAW)
    controls.act(FRAME)
    controls.recording(Path("here/session"))
    assert before == Settings()
    assert controls.state.to_dict()["recording"] == "session"
