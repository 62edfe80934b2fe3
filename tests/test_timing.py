import pytest
from doubles import frames

from realtime import timing
from realtime.frame import Frame
from realtime.timing import STAGES, Percentiles, Ring, Timings


@pytest.fixture
def clock(monkeypatch):
    now = [0]
    monkeypatch.setattr(timing, "monotonic_ns", lambda: now[0] * 1_000_000)
    return now  # milliseconds


def turn(stats, clock, frame, grab_ms=2, rest_ms=8):
    stats.start()
    clock[0] += grab_ms
    stats.grabbed(frame)
    clock[0] += rest_ms
    stats.finish()


def test_percentiles_are_those_of_a_sorted_list():
    ring = Ring(200)
    for value in range(101, 0, -1):
        ring.add(value)
    assert ring.percentiles() == Percentiles(51, 91, 100, 101)


def test_a_ring_keeps_the_newest():
    ring = Ring(3)
    for value in (100, 100, 1, 2, 3):
        ring.add(value)
    assert ring.percentiles() == Percentiles(2, pytest.approx(2.8), pytest.approx(2.98), 3)
    assert [ring.newest(back) for back in range(3)] == [3, 2, 1]
    assert ring.count == 5


def test_the_rate_is_frames_over_elapsed_time_not_a_mean_of_rates(clock):
    stats = Timings(warmup=0)
    for frame in frames(100):  # 95 quick frames and 5 slow ones: 725 ms
        turn(stats, clock, frame, 0, 50 if frame.index % 20 == 0 else 5)
    assert stats.fps == pytest.approx(100 / 0.725)
    assert stats.percentiles()["loop"].p99_ms == 50


def test_the_warm_up_does_not_count(clock):
    stats = Timings(warmup=3)
    for frame in frames(3):
        turn(stats, clock, frame, 500, 500)
    assert (stats.fps, stats.percentiles(), stats.age()) == (0.0, {}, None)
    for frame in frames(5):
        turn(stats, clock, frame)
    assert stats.fps == pytest.approx(100)
    assert stats.percentiles() == {
        "grab": Percentiles(2, 2, 2, 5),
        "loop": Percentiles(10, 10, 10, 5),
    }
    assert stats.frames == 8


def test_the_recent_rate_follows(clock):
    stats = Timings()
    assert stats.recent_fps == 0.0
    turn(stats, clock, frames(1)[0])
    assert stats.recent_fps == 0.0  # one frame is no interval
    for frame in frames(3):
        turn(stats, clock, frame)
    assert stats.recent_fps == pytest.approx(100)
    for frame in frames(40):
        turn(stats, clock, frame, 0, 20)
    assert stats.recent_fps == pytest.approx(50)


def test_age_counts_from_capture_if_live_and_from_reading_if_not(clock):
    for live, age in ((True, 12), (False, 8)):
        clock[0] = 100
        stats = Timings(live=live, warmup=0)
        stats.start()
        clock[0] += 2
        stats.grabbed(Frame(frames(1)[0].image, 0, 98 * 1_000_000))
        clock[0] += 8
        assert stats.age_ms == age
        stats.finish()
        assert stats.age() == Percentiles(age, age, age, 1)


def test_drops_add_up_and_stages_keep_their_order(clock):
    stats = Timings(warmup=0)
    for dropped in (3, 0, 4):
        stats.start()
        stats.grabbed(Frame(frames(1)[0].image, 0, 0, dropped))
        for stage in ("draw", "process", "track", "infer", "crop"):
            stats.add(stage, 1.0)
        stats.finish()
    assert stats.dropped == 7
    assert tuple(stats.percentiles()) == STAGES


def test_time_that_is_skipped_counts_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]
    monkeypatch.setattr(timing, "monotonic_ns", lambda: now[0])
    frame, runs = frames(1)[0], []
    for pause_ns in (0, 60_000_000_000):
        now[0] = 0
        stats = Timings(warmup=1)
        for i in range(4):
            stats.start()
            stats.grabbed(frame)
            now[0] += 10_000_000
            if i == 2:
                now[0] += pause_ns
                stats.skip(pause_ns)
            stats.finish()
        age = stats.age()
        assert age is not None
        runs.append((stats.fps, stats.recent_fps, stats.percentiles()["loop"], age))
    assert runs[0] == runs[1]
    assert runs[0][0] == pytest.approx(100)


def test_recent_times_are_those_of_the_last_frames() -> None:
    stats = Timings(warmup=0)
    assert stats.recent_ms() == {}
    for i in range(100):
        stats.add("infer", 1.0 if i < 60 else 3.0)
    stats.add("draw", 0.5)
    assert stats.recent_ms() == {"infer": 3.0, "draw": 0.5}
