"""The options of commands that watch a camera; nothing but click is imported early."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_ASKED = ("size", "fps", "pixels", "exposure", "gain")


class _Size(click.ParamType["tuple[int, int]"]):
    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        match = re.fullmatch(r"([0-9]{1,5})[xX]([0-9]{1,5})", str(value))
        if match is None:
            self.fail(f"{value!r} is not WIDTHxHEIGHT, as in 1280x720", param, ctx)
        return int(match[1]), int(match[2])


class _Exposure(click.ParamType["str | int"]):
    name = "exposure"

    def convert(self, value: Any, param: Any, ctx: Any) -> str | int:
        if value == "auto":
            return "auto"
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither auto nor a whole number", param, ctx)


_OPTIONS = (
    click.option("--size", type=_Size(), metavar="WxH", help="Ask the camera for this size."),
    click.option("--fps", type=float, metavar="N", help="Ask it for N frames per second."),
    click.option("--pixels", metavar="CODE", help="Ask it to send pixels so: MJPG, YUYV, …"),
    click.option(
        "--exposure",
        type=_Exposure(),
        metavar="auto|N",
        help="In the driver's units: on Linux N x 0.1 ms.",
    ),
    click.option("--gain", type=int, metavar="N", help="In the driver's units."),
    click.option("--flip", is_flag=True, help="Mirror the pictures, recorded ones too."),
    click.option(
        "--rotate",
        type=click.Choice(["90", "180", "270"]),
        help="Turn the pictures clockwise, before they are flipped.",
    ),
    click.option(
        "--backend",
        type=click.Choice(["opencv", "pyav"]),
        default="opencv",
        show_default=True,
        help="What reads cameras and streams.",
    ),
    click.option(
        "--give-up",
        type=click.FloatRange(0),
        metavar="SECONDS",
        help="End when a camera has been gone for so long; 0 at once. Default: wait for ever.",
    ),
)


def filming(function: F) -> F:
    """Options of the commands that watch a source: the function gets them as `camera`."""

    @wraps(function)
    def shell(*args: Any, rotate: str | None, give_up: float | None, **options: Any) -> Any:
        from realtime.camera_settings import CameraSettings

        own = {name: options.pop(name) for name in (*_ASKED, "flip", "backend")}
        turned = int(rotate or 0)
        camera = CameraSettings(**own, rotate=turned, give_up_s=give_up)
        return function(*args, camera=camera, **options)

    made: Any = shell
    for option in reversed(_OPTIONS):
        made = option(made)
    filmed: F = made
    return filmed
