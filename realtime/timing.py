"""How long each stage of the loop takes: ring buffers, percentiles, rate, drops and age."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic_ns
from typing import Self

import numpy as np
from numpy.typing import NDArray

from realtime.frame import Frame

STAGES = ("grab", "crop", "infer", "track", "process", "decode", "paste", "draw", "loop")
WARMUP = 10  # frames at the start that are not counted: caches, clocks and allocators settle
KEEP = 10_000  # newest values kept per stage
_RECENT = 32  # frames over which `recent_fps` looks back


@dataclass(frozen=True)
class Percentiles:
    """Of the `n` newest values of one stage, milliseconds."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float] | NDArray[np.float64]) -> Self:
        """Linear between neighbours; there must be at least one value."""
        p50, p90, p99 = (float(value) for value in np.percentile(values, (50, 90, 99)))
        return cls(p50, p90, p99, len(values))


class Ring:
    """The newest `keep` numbers, in memory allocated once."""

    def __init__(self, keep: int) -> None:
        self._values: NDArray[np.float64] = np.zeros(keep)
        self.count = 0  # of all numbers ever added

    def add(self, value: float) -> None:
        self._values[self.count % len(self._values)] = value
        self.count += 1

    def newest(self, back: int = 0) -> float:
        """The number added `back` additions before the last one."""
        return float(self._values[(self.count - 1 - back) % len(self._values)])

    def recent(self, how_many: int) -> NDArray[np.float64]:
        """The numbers added last, that many if there are, in any order."""
        how_many = min(how_many, len(self._values))
        end = self.count % len(self._values)
        if end < how_many <= self.count:
            return np.concatenate([self._values[:end], self._values[end - how_many :]])
        return self._values[max(end - how_many, 0) : end].copy()

    def values(self) -> NDArray[np.float64]:
        """The numbers kept, oldest first."""
        if self.count <= len(self._values):
            return self._values[: self.count].copy()
        return np.roll(self._values, -(self.count % len(self._values)))

    def percentiles(self) -> Percentiles:
        """Call only when there is at least one number."""
        return Percentiles.of(self._values[: self.count])


class Timings:
    """Measures one run of the loop; sinks get it with every frame, for `recent_fps` and `age_ms`.

    The loop calls `start`, `grabbed`, `finish` around each frame, whoever measures a stage calls
    `add`. Nothing allocates after the constructor but `percentiles`.

    Attributes:
        frames: finished so far, warm-up included.
        dropped: frames the source dropped before those, warm-up included.
        notice: what a sink wants the user to see; "" for nothing.
    """

    def __init__(self, *, live: bool = False, warmup: int = WARMUP, keep: int = KEEP) -> None:
        self.frames = 0
        self.dropped = 0
        self.notice = ""
        self._live = live
        self._warmup = warmup
        self._stages = {stage: Ring(keep) for stage in STAGES}
        self._age = Ring(keep)
        self._ends = Ring(_RECENT + 1)  # seconds since `_origin`
        self._origin = self._started = self._captured = monotonic_ns()
        self._counting_from = self._last_end = 0.0

    @property
    def warm(self) -> bool:
        """Whether the frame being processed counts."""
        return self.frames >= self._warmup

    @property
    def age_ms(self) -> float:
        """Milliseconds since the present frame was captured; since it was read, if not live."""
        return (monotonic_ns() - self._captured) / 1e6

    @property
    def fps(self) -> float:
        """Frames finished after the warm-up over the time they took; 0 before there are any."""
        counted, elapsed = self.frames - self._warmup, self._last_end - self._counting_from
        return counted / elapsed if counted > 0 and elapsed > 0 else 0.0

    @property
    def recent_fps(self) -> float:
        """The same over the last 32 frames, warm-up included: the figure to show live."""
        back = min(self._ends.count - 1, _RECENT)
        if back < 1:
            return 0.0
        elapsed = self._ends.newest() - self._ends.newest(back)
        return back / elapsed if elapsed > 0 else 0.0

    def recent_ms(self) -> dict[str, float]:
        """The median of every stage that was measured, over its last 32 values; to show live."""
        stages = self._stages.items()
        return {name: float(np.median(ring.recent(_RECENT))) for name, ring in stages if ring.count}

    def start(self) -> None:
        """The loop turns to its source."""
        self._started = monotonic_ns()

    def grabbed(self, frame: Frame) -> None:
        """The source handed over `frame`."""
        now = monotonic_ns()
        self._captured = frame.time_ns if self._live else now
        self.dropped += frame.dropped
        self.add("grab", (now - self._started) / 1e6)

    def add(self, stage: str, milliseconds: float) -> None:
        """`stage`, one of STAGES, took this long for the present frame."""
        if self.warm:
            self._stages[stage].add(milliseconds)

    def skip(self, nanoseconds: int) -> None:
        """Leave out this much time that just passed, in which the loop stood still on purpose."""
        self._origin += nanoseconds
        self._started += nanoseconds
        self._captured += nanoseconds

    def finish(self) -> None:
        """All sinks have taken the present frame."""
        now = monotonic_ns()
        self.add("loop", (now - self._started) / 1e6)
        if self.warm:
            self._age.add((now - self._captured) / 1e6)
        self.frames += 1
        self._last_end = (now - self._origin) / 1e9
        self._ends.add(self._last_end)
        if self.frames == self._warmup:
            self._counting_from = self._last_end

    def percentiles(self) -> Mapping[str, Percentiles]:
        """Of every stage that was measured, in the order of STAGES."""
        return {name: ring.percentiles() for name, ring in self._stages.items() if ring.count}

    def samples(self) -> dict[str, list[float]]:
        """Milliseconds of every stage that was measured, and of "age", frame by frame."""
        rings = {**self._stages, "age": self._age}
        return {name: ring.values().tolist() for name, ring in rings.items() if ring.count}

    def age(self) -> Percentiles | None:
        """Of the frames' age when all sinks had taken them, as `age_ms`."""
        return self._age.percentiles() if self._age.count else None
