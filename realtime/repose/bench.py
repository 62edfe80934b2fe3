"""What re-posing costs on this machine: the whole loop, from the frame to the pasted picture.

As in `realtime.bench` the frames are decoded ahead; the picture is drawn and not shown.
"""

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engines.engine import load, locate
from realtime.contest import WARMUP
from realtime.loop import Report, run
from realtime.machine import machine, versions
from realtime.memory import Memory, decode
from realtime.overlay import Overlay
from realtime.pipeline import DEFAULT_MODEL
from realtime.recorder import describe_model
from realtime.repose.plan import Plan
from realtime.repose.stage import open_stage
from realtime.screen import Screen
from realtime.source import open_source
from realtime.table import latency_table
from realtime.tracker import Tracker

FRAMES = 1000  # measured


@dataclass(frozen=True, kw_only=True)
class ReposeBench:
    """One measurement.

    Attributes:
        source: what was tracked, and its frames' (width, height) in `size`.
        reposed: (width, height) of the re-posed picture.
        model: its card's facts, file name and sha256.
        decoder: its name and, as "engine", what ran it.
        report: of the loop.
    """

    source: str
    size: tuple[int, int]
    reposed: tuple[int, int]
    model: dict[str, Any]
    decoder: dict[str, Any]
    report: Report

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON with this machine and these versions."""
        own = self.report
        row = {
            "engine": self.model["engine"],
            "decoder": self.decoder,
            "precision": self.model["precision"],
            "batch": 1,
            "stages": {stage: asdict(times) for stage, times in own.stages.items()},
            "fps": own.fps,
            "drops": own.dropped,
            "age_ms": own.age and asdict(own.age),
            "size": list(self.size),
            "reposed": list(self.reposed),
        }
        return {
            "machine": machine(),
            "versions": versions(),
            "model": self.model,
            "runs": [row],
        }

    def to_text(self) -> str:
        here, (width, height), (wide, high) = machine(), self.size, self.reposed
        return "\n".join(
            [
                f"machine   {here['cpu']}, {here['cores']} cores, {here['os']}",
                f"engine    {self.model['engine']}; {self.decoder['name']} on "
                f"{self.decoder['engine']}, {self.decoder['size']} pixels a side",
                f"source    {self.source}, {width} x {height}, decoded ahead; re-posed "
                f"{wide} x {high}, shown alone",
                "",
                latency_table(self.report.stages, self.report.age),
                f"{self.report.fps:.1f} frames per second; the first {WARMUP} are not counted, age "
                "is that of a frame when its picture is made",
            ]
        )


def repose_bench(
    source: str = "synthetic:",
    *,
    plan: Plan | None = None,
    model: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    frames: int = FRAMES,
) -> ReposeBench:
    """Measure `frames` turns of the loop that `keycam repose` makes.

    Raises:
        KeycamError: the source, the model, the decoder or the reference cannot be had.
    """
    plan = plan or Plan(layout="alone")
    with ExitStack() as stack:
        engine = load(model, device, wait=True)
        stack.callback(engine.close)
        with open_source(source) as opened:
            images, fps, name = decode(opened), opened.fps or 30.0, opened.name
            size = opened.size
        overlay = Overlay(engine.card.skeleton, caption=engine.name)
        stage = open_stage(plan, engine, overlay, size, device)
        described = describe_model(engine, locate(model))
        repeat = -(-(frames + WARMUP) // len(images))
        memory = Memory(images, fps=fps, repeat=repeat, written=True)
        limit = frames + WARMUP
        screen = Screen(stage, [])
        report = run(memory, Tracker(engine), [screen], frames=limit, warmup=WARMUP)
    return ReposeBench(
        source=name,
        size=size,
        reposed=stage.reposer.size,
        model={
            **described["card"],
            **{key: described[key] for key in ("file", "sha256", "engine", "precision")},
        },
        decoder={
            "name": stage.decoder.card.name,
            "engine": stage.decoder.name,
            "precision": stage.decoder.precision,
            "size": stage.decoder.card.size,
        },
        report=report,
    )
