"""The command `keycam eval`."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from engines.errors import DataError
from train.cli import check_json, write_json

if TYPE_CHECKING:
    from train.evaluate import Evaluation
    from train.repose_eval import ReposeEvaluation


@click.command("eval", short_help="measure a model against labelled pictures")
@click.argument("model")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="Keypoint table; DeepLabCut, SLEAP, COCO or NWB labels; or an exported session.",
)
@click.option(
    "--images", type=click.Path(path_type=Path), help="Folder of the pictures; or the video."
)
@click.option("--norm", metavar="NAME,NAME", help="Divide errors by the distance of these two.")
@click.option("--roi", type=click.Choice(["frame", "motion"]), default="frame", show_default=True)
@click.option(
    "--repose",
    "videos",
    multiple=True,
    type=click.Path(path_type=Path),
    help="MODEL is a decoder: re-pose frames of this video or folder; may be repeated.",
)
@click.option("--tracker", default="face68", show_default=True, help="With --repose.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write JSON.")
@click.option("--stamp", "label", metavar="LABEL", help="Enter the errors into the model's card.")
def evaluate(
    model: str,
    labels: Path | None,
    videos: tuple[Path, ...],
    tracker: str,
    json_file: Path | None,
    label: str | None,
    **options: Any,
) -> None:
    """Measure MODEL (a shipped name or an .onnx) on pictures that it never saw in training.

    A tracker against --labels; a decoder on --repose, beside two floors: its reference as it is,
    and bent by a thin-plate spline.
    """
    check_json(json_file)
    if (labels is None) == (not videos):
        raise DataError("name either --labels, for a tracker, or --repose, for a decoder")
    if labels is not None:
        result = _measured(model, labels, **options)
    else:
        result = _reposed(model, videos, tracker)
    click.echo(result.to_text())
    if json_file is not None:
        write_json(json_file, result.to_dict())
    if label is not None:
        from engines.engine import locate
        from train.stamp import stamp

        stamp(locate(model), result.figures(label))


def _measured(
    model: str,
    labels: Path,
    *,
    images: Path | None,
    norm: str | None,
    roi: Literal["frame", "motion"],
) -> "Evaluation":
    from engines import load
    from train.evaluate import evaluate as measure

    ends = None
    if norm is not None:
        first, comma, second = norm.partition(",")
        if not comma:
            raise DataError(f"--norm {norm}: write two keypoint names, as p36,p45")
        ends = first.strip(), second.strip()
    with closing(load(model, "cpu")) as engine:
        return measure(engine, labels, images=images, norm=ends, roi=roi)


def _reposed(model: str, videos: tuple[Path, ...], tracker: str) -> "ReposeEvaluation":
    from engines import load, load_decoder
    from train.repose_eval import evaluate_decoder

    with closing(load_decoder(model, "cpu")) as decoder, closing(load(tracker, "cpu")) as engine:
        return evaluate_decoder(decoder, engine, videos)
