from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.frame import Frame, Pose, State
from realtime.prediction import FARTHEST, LONGEST_S, Motion, Predicting
from realtime.smoothing import OneEuro
from realtime.timing import Timings

BODY = np.float32([[0, 0], [100, 0], [100, 100], [0, 100]])
IMAGE = np.zeros((48, 64, 3), np.uint8)


@settings(max_examples=40)
@given(
    st.floats(-150, 150),
    st.floats(-150, 150),
    st.floats(0, LONGEST_S),
    st.sampled_from([15, 30, 90]),
)
def test_constant_velocity_is_predicted_exactly(
    across: float, down: float, ahead_s: float, fps: int
) -> None:
    """In spite of a filter that trails; as long as that is within the limit."""
    velocity, motion, one_euro = np.array([across, down]) / 2, Motion(), OneEuro()
    for i in range(8 * fps):
        raw = (BODY + velocity * i / fps).astype(np.float32)
        smoothed = one_euro.update(raw, i / fps, 100.0)
        predicted = motion.predict(i / fps, raw, smoothed, ahead_s)
    np.testing.assert_allclose(predicted, raw + velocity * ahead_s, atol=0.05)


def test_what_is_at_rest_stays_where_it_is() -> None:
    motion = Motion()
    for i in range(60):
        predicted = motion.predict(i / 30, BODY, BODY, 0.1)
        np.testing.assert_array_equal(predicted, BODY)


def test_a_stop_is_overshot_by_no_more_than_the_velocity_and_not_for_long() -> None:
    ahead_s, speed, motion, one_euro, off = 0.1, 200.0, Motion(), OneEuro(), []
    for i in range(180):
        place = speed * min(i, 90) / 30
        raw = (BODY + np.float32([place, 0])).astype(np.float32)
        predicted = motion.predict(i / 30, raw, one_euro.update(raw, i / 30, 100.0), ahead_s)
        off.append(float(predicted[0, 0] - raw[0, 0]))
    assert off[89] == pytest.approx(speed * ahead_s, rel=0.02)
    after = np.array(off[91:])
    assert after.max() <= speed * ahead_s  # never farther beyond than it was ahead
    assert np.abs(after[30:]).max() < 1
    assert after.min() > -0.25 * speed * ahead_s


def test_what_only_trembles_is_not_predicted_to_move() -> None:
    """The noise of a prediction may not exceed that of what is shown without it by much."""
    rng, motion, one_euro = np.random.default_rng(0), Motion(), OneEuro()
    shown = []
    for i in range(400):
        raw = (BODY + rng.normal(0, 1, (4, 2))).astype(np.float32)
        smoothed = one_euro.update(raw, i / 30, 100.0)
        shown.append((motion.predict(i / 30, raw, smoothed, 0.1) - BODY, smoothed - BODY))
    predicted, plain = np.array(shown[100:]).swapaxes(0, 1)
    assert predicted.std() < 1.4 * plain.std()  # 2.2 times without the gain


@given(st.integers(0, 1000), st.floats(0, 10))
def test_nothing_is_moved_farther_than_the_limit(seed: int, ahead_s: float) -> None:
    rng, motion = np.random.default_rng(seed), Motion()
    for i in range(10):
        raw = (BODY + rng.uniform(-80, 80, (4, 2))).astype(np.float32)
        smoothed = (raw + rng.uniform(-9, 9, (4, 2))).astype(np.float32)
        predicted = motion.predict(i / 30, raw, smoothed, ahead_s)
        moved = np.linalg.norm(predicted - smoothed, axis=1)
        assert moved.max() <= FARTHEST * np.ptp(raw, axis=0).max() * 1.001
        assert np.isfinite(predicted).all()


@pytest.mark.parametrize("gap_s", [0.6, -5.0])
def test_after_a_gap_or_on_another_clock_nothing_is_known(gap_s: float) -> None:
    motion = Motion()
    for i in range(30):
        motion.predict(i / 30, BODY + i, BODY + i, 0.1)
    there = BODY + np.float32([300, 0])
    np.testing.assert_array_equal(motion.predict(29 / 30 + gap_s, there, there, 0.1), there)


class Walking:
    """A tracker that sees a body walk at a steady speed, and smooths it."""

    stages: ClassVar = {"infer": 1.0}

    def __init__(self, speed: float = 60.0, ids: tuple[int, ...] = (0,)) -> None:
        self._speed, self._ids, self._filters = speed, ids, {}
        self.resets = 0

    def track(self, frame: Frame) -> Pose:
        time_s, found = frame.time_ns / 1e9, []
        for number in self._ids:
            raw = (BODY + np.float32([self._speed * (1 + number) * time_s, 0])).astype(np.float32)
            own = self._filters.setdefault(number, OneEuro())
            smoothed = own.update(raw, time_s, 100.0)
            found.append(Pose(State.TRACK, None, raw, smoothed, np.ones(4, np.float32), number))
        return replace(found[0], others=tuple(found[1:]))

    def reset(self) -> None:
        self.resets += 1


def walked(predicting: Predicting, frames: int = 90) -> list[Pose]:
    return [predicting.track(Frame(IMAGE, i, round(i / 30 * 1e9))) for i in range(frames)]


def test_the_score_compares_with_what_was_later_seen() -> None:
    predicting = Predicting(Walking(speed=60.0), ahead_ms=50.0)  # one frame and a half
    assert predicting.score is None
    walked(predicting, 300)
    score = predicting.score
    assert score is not None
    assert score.ahead_ms == pytest.approx(50)
    assert score.n == 298  # but for the last two, whose time did not come
    one_euro, lag_px = OneEuro(), 0.0
    for i in range(300):
        raw = BODY + np.float32([60 * i / 30, 0])
        lag_px = float((raw - one_euro.update(raw, i / 30, 100.0))[0, 0])
    assert score.unpredicted_px == pytest.approx(60 * 0.05 + lag_px, rel=0.03)
    assert score.error_px < 0.1 * score.unpredicted_px
    assert score.unpredicted == pytest.approx(score.unpredicted_px / 100, rel=1e-3)
    assert "50 ms ahead" in score.to_text()


def test_what_was_seen_is_never_overwritten() -> None:
    plain, predicting = Walking(ids=(0, 3)), Predicting(Walking(ids=(0, 3)), ahead_ms=100.0)
    for i, pose in enumerate(walked(predicting, 30)):
        truth = plain.track(Frame(IMAGE, i, round(i / 30 * 1e9)))
        assert [own.id for own in pose.subjects] == [0, 3]
        for own, other in zip(pose.subjects, truth.subjects, strict=True):
            np.testing.assert_array_equal(own.raw_px, other.raw_px)
            np.testing.assert_array_equal(own.keypoints_px, other.keypoints_px)
            assert own.ahead_ms == 100.0
    slow, fast = pose.subjects  # each has a velocity of its own
    assert (fast.predicted_px - fast.raw_px)[0, 0] == pytest.approx(24, abs=3)
    assert (slow.predicted_px - slow.raw_px)[0, 0] == pytest.approx(6, abs=1.5)


def test_without_a_time_it_predicts_by_the_measured_age() -> None:
    class Aged(Timings):
        age_ms = 80.0

    predicting = Predicting(Walking())
    assert predicting.ahead_s == 0
    for _ in range(3):
        predicting.take(Frame(IMAGE, 0, 0), Pose(State.SEARCH), Aged())
    assert predicting.ahead_s == pytest.approx(0.08)
    Aged.age_ms = 9000.0
    for _ in range(100):
        predicting.take(Frame(IMAGE, 0, 0), Pose(State.SEARCH), Aged())
    assert predicting.ahead_s == LONGEST_S


def test_reset_equals_a_fresh_one() -> None:
    used, fresh = Predicting(Walking(), 50.0), Predicting(Walking(), 50.0)
    walked(used, 20)
    used._tracker._filters.clear()
    used.reset()
    for one, other in zip(walked(used, 20), walked(fresh, 20), strict=True):
        np.testing.assert_array_equal(one.predicted_px, other.predicted_px)


def test_where_nothing_is_found_nothing_is_predicted() -> None:
    class Blind(Walking):
        def track(self, frame: Frame) -> Pose:
            return Pose(State.SEARCH)

    predicting = Predicting(Blind())
    pose = predicting.track(Frame(IMAGE, 0, 0))
    assert pose.predicted_px is None
    assert predicting.stages == {"infer": 1.0}
