import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from realtime.smoothing import LEAST_TRUST, TRUSTED, OneEuro, Smoothing, smoothing_weight

BODY_PX = 100.0
positive = st.floats(0.01, 100)
tracks = st.lists(
    st.tuples(st.floats(1e-3, 1), st.floats(-500, 500), st.floats(-500, 500)),
    min_size=1,
    max_size=12,
)


def follow(
    one_euro: OneEuro, track: list[tuple[float, float, float]], start_s: float = 0.0
) -> list[NDArray[np.float32]]:
    """Answers to one point that steps (seconds, x, y) along `track`."""
    time_s, answers = start_s, []
    for step_s, x, y in track:
        time_s += step_s
        answers.append(one_euro.update(np.float32([[x, y]]), time_s, BODY_PX))
    return answers


def test_first_point_passes_unchanged() -> None:
    points = np.float32([[3, 4], [5, 6]])
    np.testing.assert_array_equal(OneEuro().update(points, 7.0, BODY_PX), points)


def test_without_beta_a_step_is_answered_exponentially() -> None:
    one_euro = OneEuro(min_cutoff_hz=2.0, beta=0.0)
    weight = 2 * math.pi * 2.0 * 0.05 / (1 + 2 * math.pi * 2.0 * 0.05)
    answers = follow(one_euro, [(0.05, 0, 0)] + [(0.05, 1, -1)] * 20)
    expected = 1 - (1 - weight) ** np.arange(21)
    np.testing.assert_allclose(np.ravel([a[0, 0] for a in answers]), expected, rtol=1e-5)
    np.testing.assert_allclose(np.ravel([a[0, 1] for a in answers]), -expected, rtol=1e-5)


def test_without_beta_a_ramp_is_trailed_by_its_speed_over_the_cutoff() -> None:
    one_euro = OneEuro(min_cutoff_hz=1.0, beta=0.0)
    ramp = [(0.02, 3.0 * i, 0.0) for i in range(400)]
    lag = ramp[-1][1] - follow(one_euro, ramp)[-1][0, 0]
    assert lag == pytest.approx(3.0 / 0.02 / (2 * math.pi), rel=1e-3)


@pytest.mark.parametrize("speed", [0.2, 1.0, 10.0])  # body sizes a second
def test_lag_is_bounded_as_promised(speed: float) -> None:
    one_euro = OneEuro()
    ramp = [(0.02, speed * BODY_PX * 0.02 * i, 0.0) for i in range(300)]
    lag = (ramp[-1][1] - follow(one_euro, ramp)[-1][0, 0]) / BODY_PX
    assert 0 < lag <= speed / (2 * math.pi * (one_euro.min_cutoff_hz + one_euro.beta * speed))
    assert lag < 1 / (2 * math.pi * one_euro.beta)


def test_jitter_at_rest_is_held_down() -> None:
    noise = np.random.default_rng(0).normal(0, 0.5, (600, 2))  # half a hundredth of the body
    answers = np.array(follow(OneEuro(), [(1 / 30, x, y) for x, y in noise]))[:, 0]
    assert np.diff(answers, axis=0).std() < 0.3 * np.diff(noise, axis=0).std()


@given(positive, positive, st.floats(1e-3, 1))
def test_weight_rises_with_the_cutoff(one_hz: float, other_hz: float, step_s: float) -> None:
    low, high = sorted((one_hz, other_hz))
    assert 0 < smoothing_weight(low, step_s) <= smoothing_weight(high, step_s) < 1


@given(positive, positive, st.floats(0, 50), st.floats(1e-3, 1))
def test_higher_cutoff_comes_closer(
    one_hz: float, other_hz: float, beta: float, step_s: float
) -> None:
    low, high = sorted((one_hz, other_hz))
    jump = [(step_s, 0.0, 0.0), (step_s, 100.0, 50.0)]
    slow = follow(OneEuro(min_cutoff_hz=low, beta=beta), jump)[-1]
    quick = follow(OneEuro(min_cutoff_hz=high, beta=beta), jump)[-1]
    assert (quick >= slow).all()
    assert (quick <= [[100, 50]]).all()


@given(tracks, tracks, st.floats(-100, 100))
def test_reset_equals_a_fresh_filter(
    before: list[tuple[float, float, float]],
    after: list[tuple[float, float, float]],
    start_s: float,
) -> None:
    used = OneEuro()
    follow(used, before)
    used.reset()
    np.testing.assert_array_equal(follow(used, after, start_s), follow(OneEuro(), after, start_s))


@settings(max_examples=50)
@given(tracks, st.floats(0.01, 100))
def test_resolution_does_not_matter(track: list[tuple[float, float, float]], zoom: float) -> None:
    near, far = OneEuro(), OneEuro()
    time_s = 0.0
    for step_s, x, y in track:
        time_s += step_s
        point = np.float32([[x, y]])
        small = far.update(point, time_s, BODY_PX)
        large = near.update(point * np.float32(zoom), time_s, BODY_PX * zoom)
        np.testing.assert_allclose(large, small * zoom, rtol=1e-3, atol=1e-3 * zoom)


def test_points_are_filtered_one_by_one() -> None:
    both, alone = OneEuro(), OneEuro()
    for i in range(10):
        moving, still = [10.0 * i, 3.0], [5.0, 5.0 + i % 2]
        pair = both.update(np.float32([moving, still]), i / 30, BODY_PX)
        single = alone.update(np.float32([still]), i / 30, BODY_PX)
        np.testing.assert_array_equal(pair[1:], single)


def test_time_that_stands_still_changes_nothing() -> None:
    one_euro, twin = OneEuro(), OneEuro()
    for i in range(3):
        answer = one_euro.update(np.float32([[i, i]]), float(i), BODY_PX)
        twin.update(np.float32([[i, i]]), float(i), BODY_PX)
    np.testing.assert_array_equal(one_euro.update(np.float32([[99, 99]]), 2.0, BODY_PX), answer)
    following = np.float32([[4, 5]])
    np.testing.assert_array_equal(
        one_euro.update(following, 3.0, BODY_PX), twin.update(following, 3.0, BODY_PX)
    )


def test_time_that_runs_backwards_starts_afresh() -> None:
    one_euro = OneEuro()
    follow(one_euro, [(1.0, 10, 10), (1.0, 20, 20)])
    track = [(0.1, 50.0, 50.0), (0.1, 60.0, 40.0)]
    answers = follow(one_euro, track, start_s=-5.0)
    np.testing.assert_array_equal(answers, follow(OneEuro(), track, start_s=-5.0))


def test_doubtful_points_are_smoothed_more() -> None:
    one_euro = OneEuro(beta=0.0)
    start = np.zeros((4, 2), np.float32)
    confidence = np.float32([1.0, TRUSTED, TRUSTED / 2, 0.0])
    one_euro.update(start, 0.0, BODY_PX, confidence)
    certain, trusted, doubtful, blind = one_euro.update(start + 10, 0.1, BODY_PX, confidence)[:, 0]
    assert certain == trusted > doubtful > blind > 0
    least = smoothing_weight(one_euro.min_cutoff_hz * LEAST_TRUST, 0.1)
    assert blind == pytest.approx(10 * least, rel=1e-5)


def test_answers_are_the_callers_to_keep() -> None:
    one_euro = OneEuro()
    first = one_euro.update(np.zeros((2, 2), np.float32), 0.0, BODY_PX)
    kept = first.copy()
    first += 1000
    second = one_euro.update(np.ones((2, 2), np.float32), 0.1, BODY_PX)
    assert (second < 2).all()
    np.testing.assert_array_equal(kept, 0)


@pytest.mark.parametrize("wrong", [{"min_cutoff_hz": 0}, {"speed_cutoff_hz": -1}, {"beta": -0.1}])
def test_senseless_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        OneEuro(**wrong)


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.booleans())
def test_is_the_formula_of_the_paper(seed: int, sure: bool) -> None:
    """Point by point and axis by axis, in plain Python."""
    rng, one_euro, time_s = np.random.default_rng(seed), OneEuro(), 0.0
    kept: list[list[float]] = []
    speed = [[0.0, 0.0] for _ in range(3)]
    for turn in range(8):
        points = rng.uniform(0, 400, (3, 2)).astype(np.float32)
        confidence = None if sure else rng.uniform(0, 1, 3).astype(np.float32)
        step_s = float(rng.uniform(0.001, 0.2))
        time_s += step_s
        answer = one_euro.update(points, time_s, BODY_PX, confidence)
        if turn == 0:
            kept = points.astype(float).tolist()
            continue
        for k in range(3):
            moved = [float(points[k, axis]) - kept[k][axis] for axis in (0, 1)]
            share = weight_of(one_euro.speed_cutoff_hz, step_s)
            for axis in (0, 1):
                speed[k][axis] += share * (moved[axis] / step_s - speed[k][axis])
            cutoff_hz = one_euro.min_cutoff_hz + one_euro.beta * math.hypot(*speed[k]) / BODY_PX
            if confidence is not None:
                cutoff_hz *= min(max(float(confidence[k]) / TRUSTED, LEAST_TRUST), 1)
            for axis in (0, 1):
                kept[k][axis] += weight_of(cutoff_hz, step_s) * moved[axis]
        np.testing.assert_allclose(answer, kept, rtol=1e-6, atol=1e-4)


def weight_of(cutoff_hz: float, step_s: float) -> float:
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * step_s))


@given(st.floats(1e-3, 1e3), st.floats(0, 1e3))
def test_settings_read_back(cutoff_hz: float, beta: float) -> None:
    own = Smoothing.parse(str(Smoothing(min_cutoff_hz=cutoff_hz, beta=beta)))
    assert own.min_cutoff_hz == pytest.approx(cutoff_hz, rel=1e-3)
    assert own.beta == pytest.approx(beta, rel=1e-3)
    assert Smoothing.parse(str(own)) == own


def test_the_settings_are_those_of_the_filter() -> None:
    own, usual = Smoothing(), OneEuro()
    assert (own.min_cutoff_hz, own.beta) == (usual.min_cutoff_hz, usual.beta)
