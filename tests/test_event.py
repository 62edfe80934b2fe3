import json
from dataclasses import replace

import pytest
from doubles import frames

from engines import DataError
from realtime.event import MAX_TEXT, Event, Kind, Watch
from realtime.frame import Pose, State
from realtime.gap import Gap

MARK = Event(5, 3, Kind.MARK, 'a "nose poke" é')


def test_the_line_is_what_the_format_says():
    assert json.loads(MARK.to_line()) == {
        "t": 5,
        "frame": 3,
        "kind": "mark",
        "text": 'a "nose poke" é',
    }
    assert Event.from_line(MARK.to_line()) == MARK


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t": -1}, "not a whole number"),
        ({"t": 10**5000}, "not valid JSON|not a whole number"),
        ({"frame": True}, "not a whole number"),
        ({"kind": "party"}, "party"),
        ({"kind": []}, "not a keycam event"),
        ({"text": 3}, "text"),
        ({"text": "x" * (MAX_TEXT + 1)}, "text"),
        ({"more": 1}, "unknown entry 'more'"),
    ],
)
def test_anything_else_is_refused_by_name(changes, message):
    table = {**json.loads(MARK.to_line()), **changes}
    text = ", ".join(
        f'"{name}": {"1" * 5000 if value == 10**5000 else json.dumps(value)}'
        for name, value in table.items()
    )
    with pytest.raises(DataError, match=message):
        Event.from_line(f"{{{text}}}\n".encode())


def kinds(watch, states, step_ns=33_000_000):
    seen = []
    for frame, state in zip(frames(len(states), step_ns), states, strict=True):
        seen += [(event.kind, event.frame) for event in watch.see(frame, Pose(state))]
    return seen


def test_a_subject_is_found_and_lost_once():
    search, track, coast = State.SEARCH, State.TRACK, State.COAST
    states = [search, track, coast, track, coast, coast, search, search, track]
    assert kinds(Watch(), states) == [("found", 1), ("lost", 6), ("found", 8)]


def test_a_gap_is_long_for_a_person_and_for_the_source():
    states = [State.SEARCH] * 3
    assert kinds(Watch(30), states, step_ns=190_000_000) == []
    assert kinds(Watch(30), states, step_ns=210_000_000) == [("gap", 1), ("gap", 2)]
    assert kinds(Watch(2), states, step_ns=1_400_000_000) == []
    late = replace(frames(1)[0], time_ns=10**9, index=9, dropped=8)
    watch = Watch(30)
    watch.see(frames(1)[0], Pose(State.SEARCH))
    [gap] = watch.see(late, Pose(State.SEARCH))
    assert gap.text == "1.000 s, 8 frames dropped"


def test_a_lost_camera_is_an_event_and_so_is_the_end_of_its_gap():
    watch, gap = Watch(30), Gap(since_ns=0, reason="x" * 2 * MAX_TEXT)
    assert watch.lose(gap) == []  # before the first frame nothing is lost
    first, second, third = frames(3)
    assert [event.kind for event in watch.see(first, Pose(State.TRACK))] == ["found"]
    [lost] = watch.lose(gap)
    assert (lost.kind, lost.frame, lost.time_ns) == ("lost camera", 0, first.time_ns)
    assert Event.from_line(lost.to_line()) == lost
    assert watch.lose(gap) == []  # it is still the same gap
    seen = watch.see(second, Pose(State.TRACK))  # a short one is told too, and the subject is new
    assert [(event.kind, event.frame) for event in seen] == [("gap", 1), ("found", 1)]
    assert seen[0].text == "0.033 s, 0 frames dropped"
    assert watch.see(third, Pose(State.TRACK)) == []
    assert (watch.gaps, watch.gone_ns) == (1, 33_000_000)
