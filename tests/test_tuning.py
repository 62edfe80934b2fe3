import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.smoothing import OneEuro, Smoothing, smoothing_weight
from realtime.tuning import (
    CLEAR,
    LEAST_NOISE,
    SPEED_CUTOFF_HZ,
    jitter_of,
    lag_at,
    noise_floor,
    speed_in_noise,
    tune,
)

cutoffs = st.floats(0.05, 10)
betas = st.floats(0, 50)
speeds = st.floats(0.01, 5)
rates = st.sampled_from([15.0, 30.0, 60.0, 120.0])


def filter_of(smoothing: Smoothing) -> OneEuro:
    return OneEuro(min_cutoff_hz=smoothing.min_cutoff_hz, beta=smoothing.beta)


def trailed_s(smoothing: Smoothing, speed: float, step_s: float) -> float:
    """Seconds by which the filter trails a point at a steady speed, once it has settled."""
    one_euro = filter_of(smoothing)
    place = 0.0
    answer = np.zeros((1, 2), np.float32)
    for i in range(round(30 / (smoothing.min_cutoff_hz * step_s)) + round(10 / step_s)):
        place = speed * i * step_s
        answer = one_euro.update(np.float32([[place - 1000, 0]]), i * step_s, 1.0)
    return (place - 1000 - float(answer[0, 0])) / speed


@settings(max_examples=25)
@given(st.floats(0.3, 10), betas, st.floats(0.05, 2), st.sampled_from([15.0, 30.0, 60.0]))
def test_the_lag_is_what_the_filter_trails_by(
    cutoff_hz: float, beta: float, speed: float, fps: float
) -> None:
    smoothing = Smoothing(min_cutoff_hz=cutoff_hz, beta=beta)
    expected = lag_at(smoothing, speed, 1 / fps)
    assert trailed_s(smoothing, speed, 1 / fps) == pytest.approx(expected, abs=2e-3 / speed)


@given(cutoffs, betas, speeds, rates)
def test_the_lag_solves_its_equation(
    cutoff_hz: float, beta: float, speed: float, fps: float
) -> None:
    smoothing = Smoothing(min_cutoff_hz=cutoff_hz, beta=beta)
    lag = lag_at(smoothing, speed, 1 / fps)
    seen_hz = cutoff_hz + beta * speed * (1 + lag * fps)
    assert 2 * math.pi * lag * seen_hz == pytest.approx(1)


@given(st.floats(5e-4, 0.03), rates, st.floats(0.01, 0.2))
def test_tuning_recovers_the_stated_lag(noise: float, fps: float, lag_s: float) -> None:
    tuned = tune(np.full(4, noise), 1 / fps, lag_s)
    assert lag_at(tuned.smoothing, tuned.clear, 1 / fps) == pytest.approx(lag_s)
    assert lag_at(tuned.smoothing, 2 * tuned.clear, 1 / fps) < lag_s  # all faster points lag less


@pytest.mark.parametrize("lag_s", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("fps", [30.0, 100.0])
def test_from_trembling_to_a_filter_with_that_lag(fps: float, lag_s: float) -> None:
    """The whole way: noisy keypoints of a subject at rest, and then a ramp without noise."""
    rng, times = np.random.default_rng(0), np.arange(round(2 * fps)) / fps
    tuned = tune(noise_floor(times, rng.normal(0, 0.01, (len(times), 68, 2))), 1 / fps, lag_s)
    assert tuned.typical == pytest.approx(0.01, rel=0.1)
    assert trailed_s(tuned.smoothing, tuned.clear, 1 / fps) == pytest.approx(lag_s, rel=0.03)


def test_more_lag_holds_stiller() -> None:
    noise = np.full(4, 0.01)
    jitters = [tune(noise, 1 / 30, lag_s).jitter for lag_s in (0.02, 0.05, 0.1, 0.2)]
    assert jitters == sorted(jitters, reverse=True)
    assert jitters[0] < 0.7
    assert jitters[-1] < 0.3


@pytest.mark.parametrize("weight", [0.05, 0.3, 0.9])
@pytest.mark.parametrize("fps", [30.0, 120.0])
def test_the_speed_seen_in_noise_is_that_of_the_formula(weight: float, fps: float) -> None:
    """A low-pass of constant weight, its difference to new noise, and a low-pass over that."""
    rng, own = np.random.default_rng(0), smoothing_weight(SPEED_CUTOFF_HZ, 1 / fps)
    held, velocity, seen = np.zeros((4000, 2)), np.zeros((4000, 2)), []
    for turn in range(400):
        moved = rng.normal(0, 0.01, (4000, 2)) - held
        velocity += own * (moved * fps - velocity)
        held += weight * moved
        if turn > 300:
            seen.append(np.linalg.norm(velocity, axis=1).mean())
    assert np.mean(seen) == pytest.approx(speed_in_noise(0.01, weight, 1 / fps), rel=0.02)


def test_noise_rarely_looks_like_movement() -> None:
    """At the cutoff that a tuned filter has at rest, noise seldom seems faster than `clear`."""
    tuned, fps = tune(np.full(4, 0.01), 1 / 30, 0.05), 30
    one_euro, rng, fast = filter_of(tuned.smoothing), np.random.default_rng(0), []
    for i in range(400):
        one_euro.update(rng.normal(0, 0.01, (500, 2)).astype(np.float32), i / fps, 1.0)
        if i > 100:
            fast.append(np.abs(one_euro._velocity) > tuned.clear * (1 + 0.05 * fps))
    assert np.mean(fast) < 1 / 300
    assert CLEAR == 3


def test_the_jitter_is_what_is_left_of_other_noise() -> None:
    smoothing = Smoothing(min_cutoff_hz=0.5, beta=10)
    one_euro, rng = filter_of(smoothing), np.random.default_rng(7)
    held = [
        one_euro.update(rng.normal(0, 2.0, (200, 2)).astype(np.float32), i / 30, 100.0)
        for i in range(300)
    ]
    assert jitter_of(smoothing, 0.02, 1 / 30) == pytest.approx(np.std(held[100:]) / 2, rel=0.05)


@pytest.mark.parametrize("drift", [0.0, 0.3])
def test_the_noise_floor_is_each_points_own_and_blind_to_drift(drift: float) -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.02, 0.05, 400))
    deviations = np.array([0.001, 0.004, 0.02])
    points = rng.normal(0, 1, (400, 3, 2)) * deviations[:, None] + drift * times[:, None, None]
    np.testing.assert_allclose(noise_floor(times, points), deviations, rtol=0.15)


def test_one_jump_does_not_raise_the_noise_floor() -> None:
    rng, times = np.random.default_rng(0), np.arange(60) / 30
    points = rng.normal(0, 0.01, (60, 5, 2))
    calm = noise_floor(times, points)
    points[30:] += 0.5
    np.testing.assert_allclose(noise_floor(times, points), calm, rtol=0.2)


def test_a_picture_that_stands_still_is_not_filtered_at_all() -> None:
    tuned = tune(np.zeros(4), 1 / 30, 0.05)
    assert tuned.typical == LEAST_NOISE
    assert lag_at(tuned.smoothing, 0.1, 1 / 30) < 0.01
