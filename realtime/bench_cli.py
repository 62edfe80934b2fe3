"""The commands that measure and that hand a model to a server: thin shells round functions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from realtime.cli import check_json, device_option, json_option, model_option, put, verbose_option


@click.command()
@click.option("--source", default="synthetic:", show_default=True, help="As for run.")
@model_option
@device_option
@click.option(
    "--engine",
    "engines",
    multiple=True,
    metavar="DEVICE",
    help="Measure several side by side: cpu, openvino, openvino:int8, cuda; may be repeated.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    multiple=True,
    metavar="N",
    help="Of a CPU engine, default 1; may be repeated.",
)
@click.option(
    "--frames",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    metavar="N",
    help="Measure N frames.",
)
@click.option("--record", "recording", is_flag=True, help="Measure what recording costs instead.")
@click.option(
    "--latency", is_flag=True, help="Measure camera to screen: point the camera at the window."
)
@click.option("--repose", "reposing", is_flag=True, help="Measure re-posing instead.")
@click.option(
    "--decoder",
    default="face68-decoder",
    show_default=True,
    help="With --repose: a shipped decoder, or an .onnx file.",
)
@click.option(
    "--reference",
    default="portrait:",
    show_default=True,
    metavar="PICTURE",
    help="With --repose: as for repose.",
)
@click.option(
    "--compare",
    "old",
    type=click.Path(path_type=Path),
    metavar="OLD.json",
    help="Also print what changed since then.",
)
@click.option(
    "--plot", type=click.Path(path_type=Path), metavar="FILE.png", help="Also draw the times."
)
@json_option
@verbose_option
def bench(
    source: str,
    model: str,
    device: str,
    engines: tuple[str, ...],
    threads: tuple[int, ...],
    frames: int,
    json_file: Path | None,
    *,
    recording: bool,
    latency: bool,
    reposing: bool,
    decoder: str,
    reference: str,
    old: Path | None,
    plot: Path | None,
) -> None:
    """Measure the live loop on this machine, stage by stage."""
    check_json(json_file)
    other = "latency" if latency else "record" if recording else "repose" if reposing else None
    if other and (engines or threads or old or plot):
        raise click.UsageError(
            "--record, --latency and --repose go without --engine, --threads, --compare and --plot"
        )
    if other is not None:
        measured = MEASURES[other](source, model, device, frames, decoder, reference)
        put(measured.to_text(), measured.to_dict(), json_file)
        return
    from realtime.bench import bench as measure
    from realtime.compare import compare, read_bench
    from realtime.histogram import check_plot, draw

    before = None if old is None else read_bench(old)
    if plot is not None:
        check_plot(plot)
    result = measure(
        source,
        model=model,
        devices=engines or (device,),
        threads=threads or (1,),
        frames=frames,
    )
    text, table = result.to_text(), result.to_dict()
    if before is not None:
        text += f"\n\nagainst {old}\n{compare(before, table)}"
    put(text, table, json_file)
    if plot is not None:
        click.echo(draw(result, plot), err=True)


def measure_latency(source: str, *_: Any) -> Any:
    """Camera to screen."""
    from realtime.latency import latency

    return latency(source)


def measure_recording(source: str, model: str, device: str, frames: int, *_: Any) -> Any:
    """What recording costs."""
    from realtime.record_bench import record_bench

    return record_bench(source, model=model, device=device, frames=frames)


def measure_reposing(
    source: str, model: str, device: str, frames: int, decoder: str, reference: str
) -> Any:
    """The loop of `keycam repose`, its picture alone."""
    from realtime.repose.bench import repose_bench
    from realtime.repose.plan import Plan

    plan = Plan(references=(reference,), decoder=decoder, layout="alone")
    return repose_bench(source, plan=plan, model=model, device=device, frames=frames)


MEASURES: dict[str, Callable[..., Any]] = {
    "latency": measure_latency,
    "record": measure_recording,
    "repose": measure_reposing,
}


@click.command("export-server")
@click.argument("model")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--plan",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A TensorRT plan of the model, to be served beside it.",
)
@verbose_option
def export_server(model: str, folder: Path, plan: Path | None) -> None:
    """Write MODEL as a repository that `tritonserver --model-repository=FOLDER` serves."""
    from realtime.server import export_server as write

    for path in write(model, folder, plan=plan):
        click.echo(path)
