"""Parameters of the smoothing for a stated lag, from how much keypoints tremble at rest.

The filter (`realtime.smoothing`) is a low-pass whose cutoff f rises with the speed u that it sees:
f = min_cutoff + beta u, u in body sizes a second. At frames dt apart it weighs a new value by
a = 2 pi f dt / (1 + 2 pi f dt). What follows from that, exactly or as noted:

    lag       a point at a steady speed v is trailed by v L with L = 1 / (2 pi f), whatever dt is,
              and the filter sees u = v (1 + L / dt): it compares with its own, trailing answer
    speed     seen in white noise of deviation s at rest, if f stays the same: its two axes are
              Gaussian with the deviation
              (s d / dt) sqrt(2 / ((1 + p)(1 + q)(1 - p q))), where d is the weight of the filter on
              the speed, p = 1 - a, q = 1 - d: white noise through (1 - 1/z) / ((1 - p/z)(1 - q/z)).
              So |u| has the mean sqrt(pi / 2) times that (Rayleigh)

The cutoff at the stated lag L is c = 1 / (2 pi L). It is to be reached at the least speed that is
no noise: CLEAR times the mean speed seen at rest. With min_cutoff a share REST of c, the cutoff at
rest is on the mean f = min_cutoff + (c - min_cutoff) / CLEAR; that gives a, then the speed, then
beta = (c - min_cutoff) / (CLEAR mean|u|). Every faster point lags less, and a point at rest is held
as still as that allows. How still, is found by filtering such noise: f flickers with it, so that
sqrt(a / (2 - a)), what a low-pass of that mean cutoff leaves, is a fifth too little.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.smoothing import OneEuro, Smoothing, smoothing_weight

CLEAR = 3.0  # noise is seen this many times faster than on the mean about once in 1,000 frames
REST = 0.1
LEAST_NOISE = 1e-4  # body sizes: a picture that stands still has none, and no filter is needed
QUARTILE = 75  # percent of the points are no noisier than what is tuned for
SPEED_CUTOFF_HZ = OneEuro().speed_cutoff_hz
LEAST_FRAMES = 20  # that noise can be measured in
TRIED = 100  # points, and frames, of noise that are filtered
SETTLING = 100  # frames before them
NORMAL = 1.4826  # deviation of a Gaussian over its median absolute value


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What was found.

    Attributes:
        noise: (K,) deviation of each point at rest, per axis, body sizes.
        typical: of these, what was tuned for.
        jitter: the share of it that is left at rest.
        lag_s: the stated lag.
        clear: speed, body sizes a second, from which on points lag no more than that.
        step_s: time between frames that it holds for.
    """

    smoothing: Smoothing
    noise: NDArray[np.float64]
    typical: float
    jitter: float
    lag_s: float
    clear: float
    step_s: float


def tune(noise: NDArray[np.float64], step_s: float, lag_s: float) -> Tuned:
    """The smoothing for this noise, these times between frames and this lag.

    Args:
        noise: (K,) body sizes, as from `noise_floor`.
    """
    typical = max(float(np.percentile(noise, QUARTILE)), LEAST_NOISE)
    cutoff_hz = 1 / (2 * math.pi * lag_s)
    least_hz = REST * cutoff_hz
    rest_hz = least_hz + (cutoff_hz - least_hz) / CLEAR
    weight = smoothing_weight(rest_hz, step_s)
    seen = CLEAR * speed_in_noise(typical, weight, step_s)
    found = Smoothing(min_cutoff_hz=least_hz, beta=(cutoff_hz - least_hz) / seen)
    return Tuned(
        smoothing=found,
        noise=noise,
        typical=typical,
        jitter=jitter_of(found, typical, step_s),
        lag_s=lag_s,
        clear=seen / (1 + lag_s / step_s),
        step_s=step_s,
    )


def speed_in_noise(noise: float, weight: float, step_s: float) -> float:
    """Mean speed that the filter sees in a point at rest, body sizes a second.

    Args:
        noise: its deviation per axis, body sizes.
        weight: of the filter on the points, between 0 and 1.
    """
    own = smoothing_weight(SPEED_CUTOFF_HZ, step_s)
    p, q = 1 - weight, 1 - own
    gain = math.sqrt(2 / ((1 + p) * (1 + q) * (1 - p * q)))
    return math.sqrt(math.pi / 2) * noise * own / step_s * gain


def lag_at(smoothing: Smoothing, speed: float, step_s: float) -> float:
    """Seconds by which a point at a steady speed, body sizes a second, is trailed.

    The L of 2 pi L (min_cutoff + beta v (1 + L / dt)) = 1, a quadratic equation.
    """
    own = smoothing.beta * speed
    square, line = own / step_s, smoothing.min_cutoff_hz + own
    # the root in the form that does not cancel, and holds where `square` is 0
    return (1 / math.pi) / (line + math.sqrt(line**2 + 2 * square / math.pi))


def jitter_of(smoothing: Smoothing, noise: float, step_s: float) -> float:
    """Share of white noise of this deviation, body sizes, that is left at rest: by trying it."""
    own = OneEuro(min_cutoff_hz=smoothing.min_cutoff_hz, beta=smoothing.beta)
    rng, frames = np.random.default_rng(0), TRIED + SETTLING
    trembling = rng.normal(0, noise, (frames, TRIED, 2)).astype(np.float32)
    held = [own.update(points, i * step_s, 1.0) for i, points in enumerate(trembling)]
    return float(np.std(held[SETTLING:])) / noise


def noise_floor(times_s: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviation per axis of each point's noise, from observations of a subject that holds still.

    Of every three neighbours the middle one is compared with the line through the others (Gasser,
    Sroka, Jennen-Steinmetz: Residual variance and residual pattern in nonlinear regression,
    Biometrika 73, 1986), so slow movement does no harm; the median leaves outliers out. Noise that
    lasts longer than a few frames looks like movement and is not counted.

    Args:
        times_s: (T,) rising, T at least 3.
        points: (T, K, 2), body sizes.

    Returns:
        (K,) in the unit of `points`.
    """
    before, here, after = times_s[:-2], times_s[1:-1], times_s[2:]
    share = ((here - before) / (after - before))[:, None, None]
    between = points[:-2] * (1 - share) + points[2:] * share
    scaled = (points[1:-1] - between) / np.sqrt(1 + share**2 + (1 - share) ** 2)
    floor: NDArray[np.float64] = NORMAL * np.median(np.abs(scaled), axis=(0, 2))
    return floor
