"""What the live loop costs on this machine, stage by stage, from the frame to the drawn picture.

The frames are decoded ahead and kept in memory, so the source does not count; "loop" is the whole
turn of the loop that `keycam run` makes, without showing the picture.
"""

from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

from engines.engine import load, locate
from engines.geometry import Image
from realtime.frame import Frame, Pose, State
from realtime.loop import Report, run
from realtime.machine import machine, versions
from realtime.memory import Memory
from realtime.overlay import Overlay
from realtime.pipeline import DEFAULT_MODEL
from realtime.recorder import describe_model
from realtime.screen import Screen
from realtime.source import Source, open_source
from realtime.table import latency_table
from realtime.timing import Timings
from realtime.tracker import Tracker

FRAMES = 1000  # measured
WARMUP = 100  # before them, not counted
AHEAD = 300  # frames decoded into memory, at most,
AHEAD_BYTES = 300 << 20  # and no more than these


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One measurement.

    Attributes:
        source: what was tracked, and its frames' (width, height) in `size`.
        tracked: share of all frames in which the subject was followed: searching costs more.
        model: its card's facts, file name and sha256.
        engine, precision: what ran it.
        report: of the loop.
    """

    source: str
    size: tuple[int, int]
    tracked: float
    model: dict[str, Any]
    engine: str
    precision: str
    report: Report

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON with this machine and these versions."""
        report = self.report
        run = {
            "engine": self.engine,
            "precision": self.precision,
            "batch": 1,
            "stages": {stage: asdict(row) for stage, row in report.stages.items()},
            "fps": report.fps,
            "drops": report.dropped,
            "age_ms": None if report.age is None else asdict(report.age),
        }
        return {"machine": machine(), "versions": versions(), "model": self.model, "runs": [run]}

    def to_text(self) -> str:
        here, (width, height) = machine(), self.size
        return "\n".join(
            [
                f"machine   {here['cpu']}, {here['cores']} cores, {here['os']}",
                "versions  " + ", ".join(f"{name} {own}" for name, own in versions().items()),
                f"model     {self.model['name']} on {self.engine}, {self.precision}",
                f"source    {self.source}, {width} x {height}, decoded ahead",
                f"tracked   {self.tracked:.0%} of the frames; where not, the tracker searched",
                "",
                latency_table(self.report.stages, self.report.age),
                "",
                f"{self.report.fps:.1f} frames per second, {self.report.dropped} dropped; "
                f"the first {WARMUP} frames are not counted",
            ]
        )


class _Tally:
    """The sink that counts the frames in which the subject was followed."""

    def __init__(self) -> None:
        self.frames = 0
        self.tracked = 0

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:  # noqa: ARG002 (a sink)
        self.frames += 1
        self.tracked += pose.state is State.TRACK

    def close(self) -> None:
        pass


def bench(
    source: str = "synthetic:",
    *,
    model: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    frames: int = FRAMES,
) -> Bench:
    """Measure `frames` turns of the loop after the warm-up.

    Raises:
        KeycamError: the source or the model cannot be had.
    """
    with closing(load(model, device)) as engine:
        described = describe_model(engine, locate(model))
        with open_source(source) as opened:
            name, fps, size = opened.name, opened.fps or 30.0, opened.size
            images = decode(opened)
        tally = _Tally()
        screen = Screen(Overlay(engine.card.skeleton, caption=engine.name), [])
        report = run(
            Memory(images, fps=fps, repeat=ceil((frames + WARMUP) / len(images))),
            Tracker(engine),
            [screen, tally],
            frames=frames + WARMUP,
            warmup=WARMUP,
        )
    return Bench(
        source=name,
        size=size,
        tracked=tally.tracked / max(tally.frames, 1),
        model={**described["card"], "file": described["file"], "sha256": described["sha256"]},
        engine=engine.name,
        precision=engine.precision,
        report=report,
    )


def decode(source: Source) -> list[Image]:
    """The first frames of `source` there and back again: a cycle of them has no jump."""
    width, height = source.size
    ahead = max(min(AHEAD, AHEAD_BYTES // (3 * width * height)), 1)
    images = [frame.image for frame in islice(source, ahead)]
    return images + images[-2:0:-1]
