"""The One-Euro filter: still points are held still, moving points are followed without lag.

Casiez, Roussel, Vogel: 1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
Interactive Systems, CHI 2012, algorithm 1. Here one filter serves K points at once, time steps are
the real ones, and speed is measured in body sizes per second: the same settings fit every
resolution and every distance to the camera.
"""

import math
from dataclasses import dataclass
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.geometry import Points

TRUSTED = 0.5  # from this confidence on a point is smoothed no more than its speed asks for
LEAST_TRUST = 0.1  # what is left of the cutoff at confidence 0


@dataclass(frozen=True, kw_only=True)
class Smoothing:
    """What a user may set of the filter; see `OneEuro`."""

    min_cutoff_hz: float = 1.0
    beta: float = 12.0

    def __post_init__(self) -> None:
        if not (0 < self.min_cutoff_hz < math.inf and 0 <= self.beta < math.inf):
            raise DataError(
                f"smoothing {self}: the cutoff is a number of hertz above 0, beta one from 0"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `MIN_CUTOFF,BETA`, as `str` writes it.

        Raises:
            DataError: it is not two such numbers.
        """
        try:
            cutoff, beta = map(float, text.split(","))
        except ValueError as error:
            raise DataError(
                f"smoothing {text[:40]!r} is not MIN_CUTOFF,BETA, as in {cls()}"
            ) from error
        return cls(min_cutoff_hz=cutoff, beta=beta)

    def __str__(self) -> str:
        return f"{self.min_cutoff_hz:.4g},{self.beta:.4g}"


class OneEuro:
    """A low-pass filter per point whose cutoff rises with the point's speed.

    A body that moves at a steady v body sizes a second is trailed by at most
    v / (2 pi (min_cutoff_hz + beta v)), so never by more than 1 / (2 pi beta) body sizes.
    """

    def __init__(
        self, *, min_cutoff_hz: float = 1.0, beta: float = 12.0, speed_cutoff_hz: float = 2.0
    ) -> None:
        """A filter that has seen nothing.

        Args:
            min_cutoff_hz: cutoff for a point at rest; lower is stiller.
            beta: hertz of cutoff gained per body size per second; higher lags less.
            speed_cutoff_hz: cutoff of the filter on the speed itself.
        """
        if min(min_cutoff_hz, speed_cutoff_hz) <= 0 or beta < 0:
            raise ValueError("cutoffs must be positive and beta must not be negative")
        self.min_cutoff_hz = min_cutoff_hz
        self.beta = beta
        self.speed_cutoff_hz = speed_cutoff_hz
        self.reset()

    def reset(self) -> None:
        """Forget every point seen: what follows is what a fresh filter would answer."""
        self._time_s: float | None = None
        self._points = np.zeros(0, np.complex128)  # x + iy: half the calls that (K, 2) needs
        self._velocity = np.zeros(0, np.complex128)  # of the points, pixels a second

    def update(
        self, points: Points, time_s: float, body_px: float, confidence: Points | None = None
    ) -> Points:
        """Filter one observation.

        Time that stands still changes nothing and the last answer is given again; time that runs
        backwards means another clock, and the filter starts afresh.

        Args:
            points: (K, 2), pixels; K is the same until `reset`.
            time_s: when they were seen, seconds on any one clock.
            body_px: size of the body in the same pixels, above 0.
            confidence: (K,) in [0, 1]; points below 0.5 are smoothed more. None trusts all.

        Returns:
            (K, 2) float32, the caller's to keep.
        """
        observed = points.astype(np.float64, order="C").view(np.complex128)[:, 0]
        if self._time_s is None or time_s < self._time_s:
            self._points, self._velocity = observed, np.zeros_like(observed)
            self._time_s = time_s
        elif time_s > self._time_s:
            step_s = time_s - self._time_s
            self._follow(observed, step_s, body_px, confidence)
            self._time_s = time_s
        return self._points.view(np.float64).reshape(-1, 2).astype(np.float32)

    def _follow(
        self,
        observed: NDArray[np.complex128],
        step_s: float,
        body_px: float,
        confidence: Points | None,
    ) -> None:
        moved = observed - self._points
        weight = smoothing_weight(self.speed_cutoff_hz, step_s)
        self._velocity += weight * (moved / step_s - self._velocity)
        cutoff_hz = np.abs(self._velocity)  # (K,) here still the speed, pixels a second
        cutoff_hz *= self.beta / body_px
        cutoff_hz += self.min_cutoff_hz
        if confidence is not None and np.minimum.reduce(confidence) < TRUSTED:
            cutoff_hz *= np.minimum(np.maximum(confidence / TRUSTED, LEAST_TRUST), 1)
        self._points += smoothing_weight(cutoff_hz, step_s) * moved


@overload
def smoothing_weight(cutoff_hz: float, step_s: float) -> float: ...


@overload
def smoothing_weight(cutoff_hz: NDArray[np.float64], step_s: float) -> NDArray[np.float64]: ...


def smoothing_weight(
    cutoff_hz: NDArray[np.float64] | float, step_s: float
) -> NDArray[np.float64] | float:
    """Share of a new value in an exponential low-pass filter with this cutoff, between 0 and 1."""
    turns = 2 * math.pi * step_s * cutoff_hz
    return turns / (1 + turns)
