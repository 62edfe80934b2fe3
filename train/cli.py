"""The training commands of `keycam`: thin shells round public functions."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from engines.errors import DataError
from engines.skeleton import Skeleton


@click.command(short_help="learn a model from unlabelled video")
@click.argument("videos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--skeleton", required=True, help="A built-in name or a TOML file.")
@click.option("--prior", required=True, type=click.Path(path_type=Path), help="Unpaired poses.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Run folder.")
@click.option("--preset", type=click.Choice(["compact", "paper"]), default="compact")
@click.option(
    "--roi",
    default="auto",
    show_default=True,
    metavar="HOW",
    help="The subject: auto, frame (fills it), motion (is what moves), or X,Y,SIZE (a square).",
)
@click.option("--check", is_flag=True, help="Only check the data and say how long it will take.")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: all).")
@click.option("--device", default="auto", help="auto, cpu or cuda[:N].", show_default=True)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder for decoded frames, which runs may share (default: footage/ in the run's).",
)
@click.option("--name", default="model", help="What the model calls itself.")
@click.option("--data", default="", help="What the videos are, for the model's card.")
@click.option("--licence", default="", help="Licence of the weights, for the model's card.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Any setting.")
def train(
    videos: tuple[Path, ...],
    skeleton: str,
    prior: Path,
    output: Path,
    preset: str,
    changes: tuple[str, ...],
    threads: int | None,
    device: str,
    roi: str,
    *,
    check: bool,
    resume: bool,
    **task: Any,
) -> None:
    """Learn keypoints from VIDEOS (files, or folders of videos or pictures) without labels.

    The data are checked first; in the end OUTPUT holds model.onnx and report.html. Several
    processes or GPUs: torchrun --nproc-per-node N -m train VIDEOS...
    """
    import torch

    from train import run, world
    from train.config import Config
    from train.footage import read_roi

    if threads:
        torch.set_num_threads(threads)
    config = Config.of_preset(preset).with_texts(changes)
    job = run.Task(
        videos=videos,
        skeleton=Skeleton.load(skeleton),
        prior=prior,
        roi=read_roi(roi),
        command=shlex.join(["keycam", *sys.argv[1:]]),
        **task,
    )
    with world.joined(run.pick_device(device)) as own:
        if check:
            click.echo(run.check(job, config, output, own).to_text())
            return
        model = run.train(job, config, output, resume=resume, device=own)
        if world.rank():
            return
    click.echo(f"model   {model}, {model.stat().st_size / 1e6:.1f} MB")
    click.echo(f"report  {output / 'report.html'}: open it in a browser")
    click.echo(f"next    keycam run 0 -m {shlex.quote(str(model))}")


@click.command(short_help="write the report of a training again")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("videos", nargs=-1, type=click.Path(path_type=Path))
@click.option("--prior", type=click.Path(path_type=Path), help="The poses it learnt from.")
@click.option("--roi", metavar="HOW", help="As for train.")
@click.option("--device", default="auto", help="auto, cpu or cuda[:N].", show_default=True)
def report(
    run: Path, videos: tuple[Path, ...], prior: Path | None, roi: str | None, device: str
) -> None:
    """Write RUN/report.html, also for a training that was killed.

    VIDEOS and --prior are only needed where the run's own have moved.
    """
    from train.report import rebuild
    from train.run import pick_device

    page = rebuild(run, pick_device(device), videos=videos, prior=prior, roi=roi)
    click.echo(f"{page}: open it in a browser")


@click.command(short_help="adapt a model to your own video")
@click.argument("model")
@click.argument("videos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Model file to write (default: NAME-adapted.onnx); MODEL's own name replaces it.",
)
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=3.0, show_default=True)
@click.option("--steps", type=click.IntRange(1), help="Train so many steps, not by the clock.")
@click.option(
    "--roi",
    type=click.Choice(["model", "frame", "motion"]),
    default="model",
    show_default=True,
    help="Where the subject is: the model looks for it, it fills the frame, or it moves.",
)
@click.option("--seed", type=click.IntRange(0), default=0)
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: all).")
@click.option("--device", default="auto", help="auto, cpu or cuda[:N].", show_default=True)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write JSON.")
def adapt(
    model: str,
    videos: tuple[Path, ...],
    output: Path | None,
    threads: int | None,
    device: str,
    json_file: Path | None,
    **options: Any,
) -> None:
    """Go on training MODEL (a shipped name or an .onnx) on your own VIDEOS, without labels.

    A minute of video is enough. The last quarter is held out; the new model is written only if
    it is better there.
    """
    check_json(json_file)
    import torch

    from engines.engine import locate
    from train.adapt import adapt as run
    from train.run import pick_device

    path = locate(model)
    if output is None:
        output = Path(f"{path.stem}-adapted.onnx")
        if output.exists():
            raise DataError(f"{output}: exists already; name the file to write with -o")
    if threads:
        torch.set_num_threads(threads)
    result = run(path, videos, output, device=pick_device(device), **options)
    click.echo(result.to_text())
    if result.model is not None:
        click.echo(f"{output}: try it with  keycam run 0 -m {output}")
    if json_file is not None:
        write_json(json_file, result.to_dict())


@click.command(short_help="gather poses into one prior")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--skeleton", required=True, help="A built-in name or a TOML file.")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help=".npz to write."
)
@click.option("--size", metavar="WIDTHxHEIGHT", help="Of frames, for files that do not say.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Also draw the poses, as a .png.")
@click.option("--count", type=click.IntRange(1), default=500, help="Poses to take of .bvh files.")
@click.option("--joints", type=click.Path(path_type=Path), help="TOML: keypoint = joint of .bvh.")
@click.option("--elevation", default="-5,20", help="Of the camera for .bvh, degrees, LOW,HIGH.")
@click.option("--up", type=click.Choice(["x", "y", "z"]), default="y", help="Axis up in .bvh.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the choice for .bvh.")
def prior(
    files: tuple[Path, ...],
    skeleton: str,
    output: Path,
    size: str | None,
    sheet: Path | None,
    elevation: str,
    **views: Any,
) -> None:
    """Gather the poses of FILES into one .npz for `keycam train --prior`.

    FILES are keypoint tables, DeepLabCut's .csv or .h5, SLEAP's analysis .h5 or .slp, COCO
    keypoints (.json), NWB with ndx-pose, whatever `keycam export` wrote, or motion capture
    (.bvh), which is looked at from cameras all round.
    """
    from train.mocap import Views
    from train.pose_sheet import describe, write_pose_sheet
    from train.prior import gather

    sides = None
    if size is not None:
        width, _, height = size.partition("x")
        if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
            raise DataError(f"--size {size}: write it as 640x480")
        sides = int(width), int(height)
    low, _, high = elevation.partition(",")
    try:
        between = float(low), float(high)
    except ValueError:
        raise DataError(f"--elevation {elevation}: write it as -5,20") from None
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise DataError(f"{sheet}: a sheet's name must end in .png")
    chosen = Skeleton.load(skeleton)
    made = gather(files, chosen, output, size=sides, views=Views(elevation=between, **views))
    click.echo(f"{output}: {describe(made.points, made.sizes)}")
    if sheet is not None:
        write_pose_sheet(sheet, made.points, made.sizes, chosen)
        click.echo(f"{sheet}: the poses, drawn")


@click.command(short_help="mark a skeleton and first poses in a browser")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Skeleton .toml to write.",
)
@click.option("--prior", type=click.Path(path_type=Path), help="CSV of poses to write.")
@click.option("--from", "known", help="Begin with a built-in skeleton or a TOML file.")
@click.option(
    "--frames", type=click.IntRange(1, 100), default=8, help="Frames of a video to offer."
)
@click.option("--count", type=click.IntRange(1, 100_000), default=200, help="Poses to write.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of their variations.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the page; 0 for any.")
@click.option("--no-browser", is_flag=True, help="Only print the address of the page.")
def skeleton(
    source: Path,
    output: Path,
    prior: Path | None,
    known: str | None,
    frames: int,
    port: int,
    *,
    no_browser: bool,
    **drawing: Any,
) -> None:
    """Mark a skeleton of your own on SOURCE: a picture, a video, or a folder of pictures.

    A page opens in the browser, served by this machine to this machine alone. Saving there writes
    the skeleton and, as a first prior, variations of the poses that were marked.
    """
    import webbrowser

    from train.marking import Marking, MarkingServer
    from train.videos import spread_frames

    if output.suffix.lower() != ".toml":
        raise DataError(f"{output}: a skeleton's name must end in .toml")
    prior = prior or output.with_name(f"{output.stem}-prior.csv")
    if prior.suffix.lower() != ".csv":
        raise DataError(f"{prior}: the poses' name must end in .csv")
    for file in (output, prior):
        if file.exists():
            raise DataError(f"{file}: exists already; name another")
        if not file.parent.is_dir():
            raise DataError(f"{file}: cannot be written (no such folder)")
    begun = None if known is None else Skeleton.load(known)
    pictures = spread_frames(source, frames)
    marking = Marking(frames=pictures, skeleton=begun, output=output, prior=prior, **drawing)
    with MarkingServer(marking, port) as server:
        click.echo(f"mark it at  {server.url}")
        if not no_browser:
            webbrowser.open(server.url)
        saved = server.wait()
    click.echo(f"{output}: the skeleton")
    click.echo(f"{prior}: {saved['poses']} poses made of {saved['marked']}")


def check_json(path: Path | None) -> None:
    if path is not None and not path.parent.is_dir():
        raise DataError(f"{path}: cannot be written (no such folder)")


def write_json(path: Path, table: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(table, indent=1, allow_nan=False) + "\n")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from error
