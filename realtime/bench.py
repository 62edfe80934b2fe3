"""What the live loop costs on this machine, stage by stage, from the frame to the drawn picture.

The frames are decoded ahead and kept in memory; each is copied when its turn comes ("grab"), so
that it lies in the cache like one that has just been decoded. "loop" is the whole turn of the loop
that `keycam run` makes, that copy included, without showing the picture. It is drawn as for a new
window: a frame larger than 1280 x 720 is shrunk first, while the network works.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np

from engines.cpu import flops
from engines.engine import load, locate
from realtime.contest import AGAIN, BATCHES, WARMUP, Contestant, Turns, compete
from realtime.machine import machine, versions
from realtime.recorder import describe_model
from realtime.table import latency_table, throughput_table
from realtime.timing import STAGES, Percentiles

FRAMES = 1000  # measured, of each engine
TURN = 100  # frames of a turn, at least
TURNS = 10  # at most


@dataclass(frozen=True, kw_only=True)
class Run:
    """One engine's figures.

    Attributes:
        device: what it was asked for by.
        stages: per stage of the loop.
        noise: stage -> how uncertain its p50 is, as a share of it: the standard error of the
            turns' own p50; None with a single turn.
        samples: stage -> all times, milliseconds; not part of the JSON.
        fps: measured frames over the time they took.
        throughput: batch -> crops a second, and that as a share of the machine's peak.
        tracked: share of frames in which the subject was followed: searching costs more.
    """

    engine: str
    device: str
    precision: str
    stages: dict[str, Percentiles]
    age: Percentiles
    noise: dict[str, float | None]
    samples: dict[str, list[float]] = field(repr=False)
    fps: float
    drops: int
    tracked: float
    throughput: dict[int, tuple[float, float]]

    @classmethod
    def of(cls, device: str, turns: Turns, peak_gflops: float, model_flops: int) -> "Run":
        samples = {name: list(chain(*own)) for name, own in turns.samples.items()}
        rows = {name: Percentiles.of(values) for name, values in samples.items()}
        throughput = {}
        for batch, times in turns.throughput.items():
            rate = batch / float(np.median(times)) * 1e3
            throughput[batch] = (rate, rate * model_flops / peak_gflops / 1e9)
        return cls(
            engine=turns.facts["engine"],
            device=device,
            precision=turns.facts["precision"],
            stages={name: rows[name] for name in STAGES if name in rows},
            age=rows["age"],
            noise={name: noise_of(own) for name, own in turns.samples.items()},
            samples=samples,
            fps=len(samples["loop"]) / turns.elapsed_s,
            drops=turns.drops,
            tracked=turns.tracked / turns.frames,
            throughput=throughput,
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "engine": self.engine,
            "precision": self.precision,
            "batch": 1,
            "stages": {stage: asdict(row) for stage, row in self.stages.items()},
            "fps": self.fps,
            "drops": self.drops,
            "age_ms": asdict(self.age),
            "device": self.device,
            "noise": self.noise,
            "throughput": [
                {"batch": batch, "per_s": rate, "of_peak": share}
                for batch, (rate, share) in self.throughput.items()
            ],
        }


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One measurement of one or more engines.

    Attributes:
        source: what was tracked, and its frames' (width, height) in `size`.
        model: its card's facts, file name, sha256 and FLOPs.
        peak_gflops: fp32 GFLOP/s of one thread's matrix product on this machine.
    """

    source: str
    size: tuple[int, int]
    model: dict[str, Any]
    peak_gflops: float
    runs: list[Run]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON with this machine and these versions."""
        here = {**machine(), "peak_gflops": self.peak_gflops}
        runs = [run.to_dict() for run in self.runs]
        return {"machine": here, "versions": versions(), "model": self.model, "runs": runs}

    def to_text(self) -> str:
        here, (width, height) = machine(), self.size
        lines = [
            f"machine   {here['cpu']}, {here['cores']} cores, {here['os']}; one thread's fp32 "
            f"matrix product makes {self.peak_gflops:.0f} GFLOP/s",
            "versions  " + ", ".join(f"{name} {own}" for name, own in versions().items()),
            f"model     {self.model['name']}, {self.model['flops'] / 1e9:.3f} GFLOP a crop "
            "(two per multiply-add of convolutions and products)",
            f"source    {self.source}, {width} x {height}, decoded ahead",
        ]
        for run in self.runs:
            lines += [
                "",
                f"{run.engine}, {run.precision}; followed in {run.tracked:.0%} of the frames"
                + ("" if run.tracked > 0.99 else ", else searching, which costs more"),
                latency_table(run.stages, run.age),
                f"{run.fps:.1f} frames per second, {run.drops} dropped",
            ]
        lines += [
            "",
            throughput_table({f"{r.engine}, {r.precision}": r.throughput for r in self.runs}),
            "",
            f"the first {WARMUP} frames are not counted, nor the first {AGAIN} of a later turn; "
            "age is that of a frame when it is drawn",
        ]
        return "\n".join(lines)


def bench(
    source: str = "synthetic:",
    *,
    model: str | Path = "face68",
    devices: Sequence[str] = ("auto",),
    threads: Sequence[int] = (1,),
    frames: int = FRAMES,
    batches: Sequence[int] = BATCHES,
) -> Bench:
    """Measure `frames` turns of the loop of each engine, and its throughput at each batch size.

    Args:
        devices: of the engines, as for `engines.load`; each has a process of its own, and they
            take turns in random order.
        threads: with which each is measured.

    Raises:
        KeycamError: the source, the model or an engine cannot be had.
    """
    engine = load(model, "cpu")  # refuses what cannot be had before any process is started
    described = describe_model(engine, locate(model))
    engine.close()
    count = flops(locate(model))
    rounds = min(max(frames // TURN, 1), TURNS)
    with ExitStack() as stack:
        asked = list(product(devices, threads))
        contestants = [stack.enter_context(Contestant(source, str(model), *one)) for one in asked]
        done = compete(contestants, turns=rounds, frames=frames, batches=batches)
        peak = contestants[0].ask("peak")
    facts = done[0].facts
    return Bench(
        source=facts["source"],
        size=facts["size"],
        model={
            **described["card"],
            "file": described["file"],
            "sha256": described["sha256"],
            "flops": count,
        },
        peak_gflops=peak,
        runs=[
            Run.of(device, turns, peak, count)
            for (device, _), turns in zip(asked, done, strict=True)
        ],
    )


def noise_of(turns: Sequence[Sequence[float]]) -> float | None:
    """Standard error of the median of the turns' medians, as a share of it."""
    if len(turns) < 2:
        return None
    medians = np.array([np.median(turn) for turn in turns])
    middle = float(np.median(medians))
    spread = 1.4826 * float(np.median(np.abs(medians - middle)))  # as a standard deviation
    return 1.2533 * spread / len(turns) ** 0.5 / middle if middle > 0 else None
