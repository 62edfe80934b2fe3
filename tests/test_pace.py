import pytest

from realtime import pace
from realtime.pace import SLACK_NS, Pace


@pytest.fixture
def clock(monkeypatch):
    """A clock that only naps move; `clock[0]` is now, the rest are the naps, nanoseconds."""
    times = [0]

    def nap(seconds):
        times.append(round(seconds * 1e9))
        times[0] += times[-1]

    monkeypatch.setattr(pace, "monotonic_ns", lambda: times[0])
    monkeypatch.setattr(pace, "sleep", nap)
    return times


def test_frames_wait_until_they_are_due(clock):
    playing = Pace(on=True)
    for time_ns in (0, 40, 100):
        playing.wait(time_ns)
    assert clock[1:] == [40, 60]


def test_switched_off_nothing_waits(clock):
    Pace(on=False).wait(10**12)
    assert clock == [0]


def test_a_little_late_is_caught_up(clock):
    playing = Pace(on=True)
    clock[0] = SLACK_NS // 2
    playing.wait(0)
    playing.wait(SLACK_NS)
    assert clock[0] == SLACK_NS


def test_after_a_pause_there_is_no_rush(clock):
    playing = Pace(on=True)
    clock[0] = pause = 100 * SLACK_NS
    playing.wait(0)
    playing.wait(40)
    assert clock == [pause + 40, 40]
