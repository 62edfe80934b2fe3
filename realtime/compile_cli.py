"""The command `keycam compile`: a model's TensorRT plan, built ahead of its first use."""

import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import sleep
from typing import Any, TypeVar

import click
import numpy as np

from engines.build import BATCH
from engines.compile import Order, compiled_model, rehearsed
from engines.cpu import CpuEngine
from engines.device import choose, obstacles
from engines.engine import locate
from engines.errors import DataError, EngineError
from engines.geometry import Image, crop
from engines.job import Job
from engines.nvinfer import is_rtx, obstacle, title
from engines.plans import Plan
from engines.precision import LADDERS
from realtime.cli import check_json, json_option, put, verbose_option
from realtime.source import open_source
from realtime.tracker import Tracker

CROPS, FRAMES = 16, 320  # cut from a source, out of so many of its frames

T = TypeVar("T")


@dataclass(frozen=True)
class Result:
    """What a compilation made, for whoever asked."""

    plan: Plan
    file: Path | None
    where: str
    fresh: bool

    def to_dict(self) -> dict[str, Any]:
        return {
            "library": title(),
            "device": self.where,
            "precision": self.plan.precision,
            "tried": dict(self.plan.tried),
            "plan": str(self.file),
            "bytes": len(self.plan.content),
            "fresh": self.fresh,
        }

    def to_text(self) -> str:
        how = "built" if self.fresh else "in the cache already"
        lines = [f"{self.plan.precision} plan for {self.where}, {title()}: {how}"]
        lines += [f"  {precision}: {text}" for precision, text in self.plan.tried.items()]
        return "\n".join([*lines, f"  {self.file}, {len(self.plan.content):,} bytes"])


@click.command("compile")
@click.argument("model", default="face68")
@click.option(
    "--precision",
    type=click.Choice(list(LADDERS)),
    default="fp16",
    show_default=True,
    help="Where it moves keypoints too far, the next higher one is taken.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 64),
    default=BATCH,
    show_default=True,
    help="The most crops at once; the tracker searches with the default.",
)
@click.option("--device", default="cuda", show_default=True, help="cuda or cuda:N.")
@click.option(
    "--target",
    metavar="CC",
    help="Build for GPUs of this compute capability, such as 8.9, without one (TensorRT-RTX).",
)
@click.option(
    "--source",
    metavar="SOURCE",
    help="Compare on crops of this video, as for run, and take int8's ranges from them.",
)
@json_option
@verbose_option
def compile_command(
    model: str,
    precision: str,
    batch: int,
    device: str,
    target: str | None,
    source: str | None,
    json_file: Path | None,
) -> None:
    """Build the TensorRT plan of MODEL for this machine's GPU, and compare it with the CPU.

    MODEL is a tracker or a decoder (face68-decoder): a shipped name or an .onnx.
    `--device cuda` does the same at a model's first use, in the background.
    """
    check_json(json_file)
    if target is None:
        _check_gpu(device)
    elif reason := obstacle():
        raise EngineError(reason)
    path = locate(model)
    crops = None if source is None else crops_of(source, path)
    index = choose(device).index if target is None else 0
    order = Order(path=path, index=index, precision=precision, batch=batch, crops=crops)
    result = _rehearse(order, target) if target is not None else _compile(order)
    put(result.to_text(), result.to_dict(), json_file)


def crops_of(source: str, path: Path) -> Image:
    """(N, S, S, 3) uint8: what the tracker looks at in `source`, up to CROPS of it.

    Raises:
        KeycamError: the source cannot be read, or the model finds nothing in it.
    """
    with closing(CpuEngine(path)) as engine, open_source(source) as opened:
        tracker, size, crops = Tracker(engine), engine.card.size, []
        for frame in islice(opened, FRAMES):
            roi = tracker.track(frame).roi
            if roi is not None:
                crops.append(crop(frame.image, roi, size))
    if not crops:
        raise DataError(f"{source}: {path.stem} finds nothing in its first {FRAMES} frames")
    return np.stack(crops[:: -(-len(crops) // CROPS)])


def _check_gpu(device: str) -> None:
    """Refuse a machine without a usable GPU, with what can be done on it."""
    try:
        if choose(device).engine == "tensorrt":
            return
        raise EngineError(f"a plan is for a GPU, not for '{device}'; use --device cuda")
    except EngineError as error:
        if obstacles(0) and obstacle() is None and is_rtx():
            raise EngineError(
                f"{error}. Without a GPU, {title()} builds for a named one: --target 8.9"
            ) from error
        raise


def _compile(order: Order) -> Result:
    compiled = _watched(lambda tell: compiled_model(order, tell))
    with closing(compiled.engine) as engine:
        if compiled.file is None:
            raise EngineError(compiled.unkept)
        return Result(compiled.plan, compiled.file, engine.name, compiled.fresh)


def _rehearse(order: Order, target: str) -> Result:
    plan, file = _watched(lambda tell: rehearsed(order, target, tell))
    return Result(plan, file, f"compute capability {target}", fresh=True)


def _watched(work: Callable[[Callable[[float], bool]], T]) -> T:
    """Do it on a thread, with a bar on a terminal; Ctrl-C stops it."""
    job = Job(work)
    if sys.stderr.isatty():
        with click.progressbar(length=100, label="building", file=sys.stderr) as bar:
            while not job.done:
                bar.update(round(100 * job.part) - bar.pos)
                sleep(0.1)
    return job.result()
