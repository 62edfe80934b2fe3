"""The live loop: grab a frame, track it, hand both to the sinks. Nothing else."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from time import monotonic
from typing import Any, Literal, Protocol, Self

from realtime.frame import Frame, Pose
from realtime.gap import Gap
from realtime.source import Source
from realtime.timing import WARMUP, Percentiles, Timings

LONG_GAP_NS = 1_000_000_000  # after which the subject is looked for anew

log = logging.getLogger(__name__)

Ending = Literal["source", "limit", "stop", "interrupt"]


class Tracks(Protocol):
    """What `run` needs of a tracker. If it has `stages`, a mapping of stages (`realtime.timing`)
    to the milliseconds of the last call, they are timed."""

    def track(self, frame: Frame) -> Pose: ...

    def reset(self) -> None: ...


class Closable(Protocol):
    def close(self) -> None: ...


class Sink(Protocol):
    """Takes every frame with its pose, on the loop's thread; `close` is called exactly once.

    If it has `gone(gap, stats)`, that is called a few times per second while a live source has no
    frames, from when its camera is lost until the next `take`.
    """

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one run of the loop did.

    Attributes:
        ended: "source" it had no more frames, "limit" reached, "stop" was set, "interrupt" Ctrl-C.
        frames: processed, warm-up included.
        dropped: by the source before the last processed frame.
        fps: after the warm-up, frames over elapsed time; 0 if the run ended in the warm-up.
        stages: per stage, warm-up excluded; "grab" is the wait for the source.
        age: of frames when all sinks had taken them: since capture if live, else since read.
        filtering: the smoothing that was tuned, and how predictions went; see
            `realtime.filtering`.
    """

    ended: Ending
    frames: int
    dropped: int
    fps: float
    stages: Mapping[str, Percentiles]
    age: Percentiles | None
    filtering: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, stats: Timings, ended: Ending) -> Self:
        return cls(
            ended=ended,
            frames=stats.frames,
            dropped=stats.dropped,
            fps=stats.fps,
            stages=stats.percentiles(),
            age=stats.age(),
        )


def run(
    source: Source,
    tracker: Tracks,
    sinks: Sequence[Sink],
    *,
    stop: Event | None = None,
    frames: int | None = None,
    seconds: float | None = None,
    warmup: int = WARMUP,
) -> Report:
    """Track every frame of `source` until it ends, a limit is reached, `stop` is set or Ctrl-C.

    The sinks are closed however the loop ends, the source stays its owner's. The tracker is reset
    first, and after a long gap. Limits and `stop` hold in a gap too.

    Args:
        frames, seconds: limits, looked at after every frame; None for none.
        warmup: how many frames at the start stay out of the timings.

    Raises:
        SourceError: the source died.
        Exception: whatever the tracker or a sink raised first; later ones are logged.
    """
    stats = Timings(live=source.live, warmup=warmup)
    stop = stop or Event()
    deadline = None if seconds is None else monotonic() + seconds
    with closing_all(sinks):
        try:
            tracker.reset()
            arriving, gap = source.beats(), None
            while (ended := _over(stop, stats, frames, deadline)) is None:
                stats.start()
                item = next(arriving, None)
                if item is None:
                    ended = "source"
                    break
                if isinstance(item, Gap):
                    gap = _tell(item, sinks, stats)
                    continue
                if gap is not None and item.time_ns - gap.since_ns > LONG_GAP_NS:
                    tracker.reset()
                gap = None
                _process(item, tracker, sinks, stats)
        except KeyboardInterrupt:
            ended = "interrupt"
    return Report.of(stats, ended)


def _over(stop: Event, stats: Timings, frames: int | None, deadline: float | None) -> Ending | None:
    if stop.is_set():
        return "stop"
    if stats.frames == frames or (deadline is not None and monotonic() >= deadline):
        return "limit"
    return None


def _tell(gap: Gap, sinks: Sequence[Sink], stats: Timings) -> Gap:
    for sink in sinks:
        if (gone := getattr(sink, "gone", None)) is not None:
            gone(gap, stats)
    return gap


def _process(frame: Frame, tracker: Tracks, sinks: Sequence[Sink], stats: Timings) -> None:
    stats.grabbed(frame)
    pose = tracker.track(frame)
    for stage, milliseconds in getattr(tracker, "stages", {}).items():
        stats.add(stage, milliseconds)
    for sink in sinks:
        sink.take(frame, pose, stats)
    stats.finish()


@contextmanager
def closing_all(things: Sequence[Closable]) -> Iterator[None]:
    """Close every one at the end, also after an error and when another fails to close.

    The block's own error goes on; without one, the first error of a `close` is raised.
    """
    try:
        yield
    except BaseException:
        for error in _close(things):
            log.error("%s", error)
        raise
    errors = _close(things)
    for error in errors[1:]:
        log.error("%s", error)
    if errors:
        raise errors[0]


def _close(things: Sequence[Closable]) -> list[Exception]:
    errors: list[Exception] = []
    for thing in things:
        try:
            thing.close()
        except Exception as error:  # noqa: BLE001 (the others must still be closed)
            errors.append(error)
    return errors
