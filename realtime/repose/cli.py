"""The commands that re-pose: thin shells round `pipeline.watch` and `receive`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from realtime.camera_options import filming
from realtime.cli import (
    SECONDS,
    check_json,
    device_option,
    json_option,
    model_option,
    put,
    sending,
    tracking,
    verbose_option,
    watch,
)
from realtime.live_options import STYLES, filtering, viewing

if TYPE_CHECKING:
    from realtime.camera_settings import CameraSettings
    from realtime.repose.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])

window_option = click.option("--no-window", is_flag=True, help="Show nothing on the screen.")


def reposing(function: F) -> F:
    """Options of the commands that draw a reference."""
    options = [
        click.option(
            "--reference",
            "references",
            multiple=True,
            metavar="PICTURE",
            help="What to re-pose; repeat it to change between several live. portrait:N is one of "
            "the people that keycam draws; portrait: by default.",
        ),
        click.option(
            "--relative/--absolute",
            default=True,
            show_default=True,
            help="Move the reference's own shape, or give it the driver's.",
        ),
        click.option(
            "--layout",
            type=click.Choice(["beside", "inset", "alone"]),
            help="Where the driver is shown; default beside, with --to vcam: alone.",
        ),
        click.option("--no-mark", is_flag=True, help="Do not write on the picture what it is."),
        click.option(
            "--decoder",
            default="face68-decoder",
            show_default=True,
            help="A shipped decoder, or an .onnx file.",
        ),
        click.option(
            "-o",
            "--output",
            "video",
            type=click.Path(path_type=Path),
            metavar="VIDEO",
            help="Write what is shown to an .mp4 or .avi.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.command(epilog=STYLES)
@click.argument("source")
@reposing
@click.option(
    "--session",
    type=click.Path(path_type=Path),
    metavar="SESSION",
    help="Also record the driver's keypoints there.",
)
@window_option
@viewing
@sending
@filming
@filtering
@tracking
def repose(
    source: str,
    session: Path | None,
    video: Path | None,
    to: tuple[str, ...],
    processor: str | None,
    camera: "CameraSettings",
    *,
    no_window: bool,
    references: tuple[str, ...],
    relative: bool,
    layout: str | None,
    no_mark: bool,
    decoder: str,
    **options: Any,
) -> None:
    """Move a picture as the subject of SOURCE moves, live.

    The first confident pose stands for the picture's own. Keys: c takes the present pose for that,
    n shows the next reference.
    """
    plan = plan_of(references, layout, decoder, to, relative=relative, mark=not no_mark)
    wanted: dict[str, Any] = {"window": not no_window, "video": video, "session": session}
    wanted |= {"to": to, "processor": processor, "camera": camera, "repose": plan}
    watch(source, wanted, **options)


@click.command(epilog=STYLES)
@click.argument("source")
@click.option(
    "--to",
    multiple=True,
    required=True,
    metavar="ws://HOST:PORT",
    help="Where to be reached, as in ws://127.0.0.1:9000; the address with its token is printed.",
)
@window_option
@viewing
@filming
@filtering
@tracking
def send(
    source: str,
    to: tuple[str, ...],
    camera: "CameraSettings",
    *,
    no_window: bool,
    **options: Any,
) -> None:
    """Track SOURCE and let `keycam receive` elsewhere have its keypoints, nothing of the picture.

    The same as `keycam run --to ws://HOST:PORT`: `receive` asks for the compact form itself. The
    connection is not encrypted; across a network, use a tunnel such as ssh -L.
    """
    if any(not address.startswith("ws://") for address in to):
        raise click.UsageError("send serves ws://HOST:PORT; for other addresses use run --to")
    watch(source, {"window": not no_window, "to": to, "camera": camera}, **options)


@click.command(epilog=STYLES)
@click.argument("address")
@reposing
@click.option("--to", multiple=True, metavar="vcam:DEVICE", help="Be a camera in other programs.")
@click.option("--frames", type=click.IntRange(1), metavar="N", help="Stop after N poses.")
@click.option("--seconds", type=SECONDS, metavar="N", help="Stop after N seconds.")
@window_option
@viewing
@model_option
@device_option
@json_option
@verbose_option
def receive(
    address: str,
    video: Path | None,
    to: tuple[str, ...],
    json_file: Path | None,
    *,
    no_window: bool,
    references: tuple[str, ...],
    relative: bool,
    layout: str | None,
    no_mark: bool,
    decoder: str,
    viewing: Mapping[str, Any],
    **options: Any,
) -> None:
    """Move a picture by the keypoints that a `keycam send` at ADDRESS sends.

    ADDRESS is what the sender printed, ws://HOST:PORT/?token=TOKEN.
    """
    check_json(json_file)
    from realtime.pipeline import Wanted
    from realtime.repose.receive import receive as watch_far
    from realtime.viewing import Viewing

    plan = plan_of(references, layout, decoder, to, relative=relative, mark=not no_mark)
    look = Viewing.of(**viewing)
    wanted = Wanted(window=not no_window, video=video, to=to, repose=plan, viewing=look)
    call = watch_far(address, wanted, **options)
    made = f"video   {video}\n" if video else ""
    put(made + call.to_text(), call.to_dict(), json_file)


def plan_of(
    references: tuple[str, ...],
    layout: str | None,
    decoder: str,
    to: tuple[str, ...],
    *,
    relative: bool,
    mark: bool,
) -> "Plan":
    """The options as a plan."""
    from realtime.repose.layout import LAYOUTS
    from realtime.repose.plan import Plan
    from realtime.repose.reference import BUILT_IN

    if layout is None:  # a camera shows the driver only if that was asked for
        layout = "alone" if any(own.startswith("vcam:") for own in to) else "beside"
    return Plan(
        references=references or (BUILT_IN,),
        decoder=decoder,
        relative=relative,
        layout=next(own for own in LAYOUTS if own == layout),
        mark=mark,
    )
