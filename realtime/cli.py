"""The command line `keycam`: every command is a thin shell round a public function.

Commands import what they need when they run; see `realtime.group`.
"""

import json
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from realtime.browser.options import serving
from realtime.camera_options import filming
from realtime.group import LazyGroup, talk
from realtime.live_options import STYLES, filtering, style_option, viewing

if TYPE_CHECKING:
    from realtime.browser.link import Serving
    from realtime.camera_settings import CameraSettings
    from realtime.loop import Report
    from realtime.pipeline import Wanted

LATER = {  # name: (where it is, short help)
    "train": ("train.cli:train", "Learn keypoints from unlabelled video."),
    "train-decoder": (
        "train.decoder_cli:train_decoder",
        "Learn to re-pose a picture, from the same video.",
    ),
    "report": ("train.cli:report", "Write the report of a training again."),
    "eval": ("train.eval_cli:evaluate", "Measure a model against labelled pictures."),
    "adapt": ("train.cli:adapt", "Adapt a model to your own video."),
    "prior": ("train.cli:prior", "Gather poses, or motion capture, into one prior."),
    "skeleton": ("train.cli:skeleton", "Mark a skeleton and first poses in a browser."),
    "cameras": ("realtime.camera_cli:cameras", "List the cameras of this machine."),
    "bench": ("realtime.bench_cli:bench", "Measure the live loop on this machine, stage by stage."),
    "export-server": (
        "realtime.bench_cli:export_server",
        "Write a model repository for NVIDIA's Triton server.",
    ),
    "export": ("realtime.export.cli:export", "Write a session in another program's format."),
    "validate": ("realtime.session_cli:validate", "Check a recorded session, and repair it."),
    "replay": ("realtime.session_cli:replay", "Track the video of a session once more."),
    "compile": ("realtime.compile_cli:compile_command", "Build a model's TensorRT plan."),
    "repose": ("realtime.repose.cli:repose", "Move a picture as the subject of a source moves."),
    "send": ("realtime.repose.cli:send", "Send only keypoints, for keycam receive elsewhere."),
    "receive": ("realtime.repose.cli:receive", "Move a picture by keypoints from elsewhere."),
    "plot": ("realtime.export.cli:plot", "Draw a session: where, when, how sure, what was lost."),
}

SECONDS = click.FloatRange(0, min_open=True)

F = TypeVar("F", bound=Callable[..., Any])

verbose_option = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=talk,
    help="Say more; on errors, all.",
)
json_option = click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    metavar="FILE",
    help="Also write the result as JSON; - for stdout alone.",
)
model_option = click.option(
    "-m", "--model", default="face68", show_default=True, help="A shipped model, or an .onnx file."
)
device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda, cuda:N, openvino or openvino:int8.",
)

subjects_option = click.option(
    "--max-subjects",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Follow up to N subjects at once, each with an id of its own.",
)


def tracking(function: F) -> F:
    """Options of every command that tracks a source."""
    options = [
        model_option,
        device_option,
        click.option("--raw", is_flag=True, help="Do not smooth keypoints over time."),
        click.option("--frames", type=click.IntRange(1), metavar="N", help="Stop after N frames."),
        click.option("--seconds", type=SECONDS, metavar="N", help="Stop after N seconds."),
        json_option,
        verbose_option,
    ]
    for option in reversed(options):
        function = option(function)
    return function


def sending(function: F) -> F:
    """Options of the commands whose poses can go to other programs."""
    to = click.option(
        "--to",
        multiple=True,
        metavar="ADDRESS",
        help="Send the poses there as they come; may be repeated. udp://HOST:PORT, osc://HOST:PORT"
        ", vmc://HOST:PORT, lsl:NAME, vcam:DEVICE; servers with a token: ws://127.0.0.1:PORT, "
        "zmq://127.0.0.1:PORT",
    )
    processor = click.option(
        "--processor",
        metavar="FILE:CLASS",
        help="Python class whose process(frame, pose) is called.",
    )
    return to(processor(function))


@click.group(cls=LazyGroup, later=LATER, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="keycam")
@verbose_option
def main() -> None:
    """Live keypoints for anything you can film, learnt from unlabelled video."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@main.command()
@serving
@model_option
@device_option
@json_option
@verbose_option
def demo(serve: "Serving | None", model: str, device: str, json_file: Path | None) -> None:
    """Show live keypoints at once: on the camera, or on a built-in clip.

    Without a display on a page in the browser, until nobody has looked for 30 seconds; where nobody
    is at a terminal, or opens the page, as files.
    """
    check_json(json_file)
    from realtime.demo import demo as show

    shown = show(Path(), model=model, device=device, serve=serve)
    tell(shown.report, shown.wanted, json_file)


@main.command(epilog=STYLES)
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    "video",
    type=click.Path(path_type=Path),
    metavar="VIDEO",
    help="Write the overlay to an .mp4 or .avi.",
)
@click.option("--no-window", is_flag=True, help="Show nothing on the screen.")
@serving
@viewing
@sending
@filming
@filtering
@subjects_option
@tracking
def run(
    sources: tuple[str, ...],
    video: Path | None,
    serve: "Serving | None",
    to: tuple[str, ...],
    processor: str | None,
    camera: "CameraSettings",
    max_subjects: int,
    *,
    no_window: bool,
    **options: Any,
) -> None:
    """Track SOURCE live and show the overlay, on a page in the browser if there is no display.

    SOURCE is a camera (0, its name or its id), a video, a folder of pictures, an rtsp:// or
    http:// address, or synthetic: In the window, h shows the keys.

    Of several SOURCES each is tracked on its own, all by one engine, and one window shows them
    side by side; of -o each has a video of its own, with its number in the name.
    """
    from realtime.several_cli import watch_each

    window = not no_window and serve is None
    wanted: dict[str, Any] = {"window": window, "serve": serve, "video": video}
    wanted |= {"to": to, "processor": processor, "camera": camera}
    wanted["max_subjects"] = max_subjects
    watch_each(sources, wanted, **options)


@main.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    "session",
    type=click.Path(path_type=Path),
    metavar="SESSION",
    required=True,
    help="Folder to make.",
)
@click.option("--video", is_flag=True, help="Also store the frames, as SESSION/video.mp4.")
@click.option("--lossless", is_flag=True, help="Store the frames exactly; implies --video.")
@click.option(
    "--overlay", type=click.Path(path_type=Path), metavar="VIDEO", help="Also write the overlay."
)
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="Files at a time; default one per core."
)
@click.option("--ray", metavar="ADDRESS", help="Record many files on a Ray cluster; or local.")
@style_option
@sending
@filming
@filtering
@subjects_option
@tracking
def record(
    sources: tuple[str, ...],
    session: Path,
    overlay: Path | None,
    max_subjects: int,
    *,
    video: bool,
    lossless: bool,
    workers: int | None,
    ray: str | None,
    to: tuple[str, ...],
    processor: str | None,
    style: str,
    filtering: Mapping[str, Any],
    camera: "CameraSettings",
    **options: Any,
) -> None:
    """Record the keypoints of one source, as for run, to a session folder.

    Several cameras or addresses are recorded at the same time, each to a session below the folder.
    Of many files (several SOURCES, a folder of videos, a pattern such as 'clips/*.mp4'), each
    becomes a session below the folder. Started again, it skips the files that are done.
    """
    from realtime.archive import several
    from realtime.several_cli import watch_each
    from realtime.source import names_live

    keep = "lossless" if lossless else "lossy" if video else None
    live = [names_live(source) for source in sources]
    if workers is None and ray is None and (all(live) or not several(sources)):
        wanted: dict[str, Any] = {"session": session, "keep_video": keep, "video": overlay}
        wanted |= {"to": to, "processor": processor, "camera": camera}
        wanted["max_subjects"] = max_subjects
        watch_each(sources, wanted, viewing={"style": style}, filtering=filtering, **options)
        return
    options["max_subjects"] = max_subjects
    if any(live):
        raise click.UsageError("cameras and addresses are recorded apart from files")
    if camera.facts():
        raise click.UsageError(f"--{next(iter(camera.facts()))} is not for many files")
    if overlay is not None:
        raise click.UsageError("--overlay is for one source; for many files use --video")
    if to or processor is not None:
        raise click.UsageError("--to and --processor are for one source, not for many files")
    if style or any(value not in (None, False) for value in filtering.values()):
        raise click.UsageError("--style, and how to smooth and predict, are for one source")
    record_many(sources, session, keep_video=keep, workers=workers, ray=ray, **options)


@main.command()
@json_option
@verbose_option
def doctor(json_file: Path | None) -> None:
    """Say what works on this machine and what to install."""
    check_json(json_file)
    from realtime.doctor import examine, healthy, report

    findings = examine()
    put(report(findings), [vars(finding) for finding in findings], json_file)
    if not healthy(findings):
        raise click.exceptions.Exit(1)


def watch(
    source: str,
    wanted: Mapping[str, Any],
    *,
    viewing: Mapping[str, Any],
    filtering: Mapping[str, Any],
    model: str,
    device: str,
    raw: bool,
    frames: int | None,
    seconds: float | None,
    json_file: Path | None,
) -> None:
    """Call `realtime.pipeline.watch` and print its report."""
    check_json(json_file)
    from realtime import pipeline
    from realtime.filtering import Filtering
    from realtime.viewing import Viewing

    own: dict[str, Any] = {"viewing": Viewing.of(**viewing), "filtering": Filtering.of(**filtering)}
    outputs = pipeline.Wanted(**wanted, **own)
    report = pipeline.watch(
        source,
        outputs,
        model=model,
        device=device,
        smooth=not raw,
        frames=frames,
        seconds=seconds,
    )
    tell(report, outputs, json_file)


def record_many(
    sources: tuple[str, ...],
    output: Path,
    *,
    workers: int | None,
    ray: str | None,
    raw: bool,
    json_file: Path | None,
    **options: Any,
) -> None:
    """Call `realtime.workers.record_all` and print what it did; exit 1 if a file failed."""
    check_json(json_file)
    from realtime.archive import Options
    from realtime.workers import record_all

    own = Options(smooth=not raw, **options)
    archive = record_all(sources, output, own, workers=workers, ray=ray)
    put(archive.to_text(), archive.to_dict(), json_file)
    if archive.failed:
        raise click.exceptions.Exit(1)


def tell(report: "Report", wanted: "Wanted", json_file: Path | None) -> None:
    """Print what a run did and where its results are."""
    from dataclasses import asdict

    put(summary(report, wanted), asdict(report), json_file)


def summary(report: "Report", wanted: "Wanted") -> str:
    """What a run did and where its results are, for people."""
    from realtime.filtering import told
    from realtime.table import latency_table

    made = {"overlay": wanted.video, "session": wanted.session}
    lines = [f"{name:<8}{path}" for name, path in made.items() if path is not None]
    lines += [
        f"{report.frames} frames, {report.fps:.1f} per second, {report.dropped} dropped",
        *told(report.filtering),
        "",
        latency_table(report.stages, report.age),
    ]
    return "\n".join(lines)


def check_json(file: Path | None) -> None:
    """Raise OSError now if `file` could not be written later."""
    if file is not None and str(file) != "-":
        there = file.exists()
        file.open("a").close()
        if not there:
            file.unlink()


def put(text: str, result: Any, json_file: Path | None) -> None:
    """Print `text`, and write `result` as JSON; for `-` only the JSON is printed."""
    table = json.dumps(result, indent=1, ensure_ascii=False, default=str)
    if json_file is not None and str(json_file) == "-":
        click.echo(table)
        return
    click.echo(text)
    if json_file is not None:
        json_file.write_text(table + "\n", "utf-8")
