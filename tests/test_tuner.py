import numpy as np
import pytest

from engines import Skeleton
from realtime.frame import Frame, Pose, State
from realtime.timing import Timings
from realtime.tuner import STILL_S, Tuner
from realtime.tuning import Tuned

IMAGE = np.zeros((48, 64, 3), np.uint8)
BODY = np.float32([[0, 0], [100, 0], [100, 100], [0, 100]])
LAG_S = 0.05


def pose_of(points: np.ndarray) -> Pose:
    return Pose(State.TRACK, None, points, points, np.ones(4, np.float32))


def watched(tuner: Tuner, seconds: float, speed: float = 0.0, start_s: float = 0.0) -> list[str]:
    """What the user is told while points tremble by a hundredth of the body, 30 times a second."""
    rng, stats, told = np.random.default_rng(0), Timings(), []
    for i in range(round(seconds * 30)):
        points = BODY + rng.normal(0, 1, (4, 2)) + 100 * speed * i / 30
        time_s = start_s + i / 30
        tuner.take(Frame(IMAGE, i, round(time_s * 1e9)), pose_of(points.astype(np.float32)), stats)
        told.append(stats.notice)
    return told


@pytest.fixture
def used() -> list[Tuned]:
    return []


@pytest.fixture
def tuner(mouse_skeleton: Skeleton, used: list[Tuned]) -> Tuner:
    return Tuner(mouse_skeleton, LAG_S, used.append)


def test_after_two_still_seconds_it_sets_once_what_it_found(
    tuner: Tuner, used: list[Tuned], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "realtime"):
        told = watched(tuner, 3 * STILL_S)
    assert used == [tuner.found]
    assert used[0].typical == pytest.approx(0.01, rel=0.3)
    assert used[0].step_s == pytest.approx(1 / 30)
    assert "hold still: 1.0 s" in told
    assert told[-1] == ""
    assert f"--smoothing {used[0].smoothing}" in caplog.text
    tuner.close()
    assert "not tuned" not in caplog.text


def test_who_moves_is_asked_once_more(tuner: Tuner, used: list[Tuned]) -> None:
    told = watched(tuner, STILL_S + 0.1, speed=0.3)
    assert any("not still" in text for text in told)
    assert used == []
    watched(tuner, STILL_S + 0.1, start_s=10.0)
    assert len(used) == 1


def test_a_subject_that_was_lost_starts_again(tuner: Tuner, used: list[Tuned]) -> None:
    watched(tuner, 0.75 * STILL_S)
    stats = Timings()
    tuner.take(Frame(IMAGE, 0, round(0.75 * STILL_S * 1e9)), Pose(State.SEARCH), stats)
    assert stats.notice == f"hold still: {STILL_S:.1f} s"
    watched(tuner, 0.75 * STILL_S, start_s=STILL_S)
    assert used == []


def test_too_few_frames_are_not_enough(tuner: Tuner, used: list[Tuned]) -> None:
    stats = Timings()
    for i in range(5):
        tuner.take(Frame(IMAGE, i, i * 600_000_000), pose_of(BODY), stats)
    assert used == []


def test_where_it_came_to_nothing_that_is_said(
    tuner: Tuner, caplog: pytest.LogCaptureFixture
) -> None:
    tuner.close()
    assert "not tuned" in caplog.text


def test_anothers_notice_goes_first(tuner: Tuner) -> None:
    stats = Timings()
    stats.notice = "recording stopped: the disk is full"
    tuner.take(Frame(IMAGE, 0, 0), pose_of(BODY), stats)
    assert stats.notice == "recording stopped: the disk is full"
