"""Options of the commands that track live: what is drawn, and how keypoints are filtered.

Each group reaches its command as one argument, a mapping. Only click is imported here.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

STYLES = """\b
Styles are words joined by commas:
  skeleton points lines nothing   what is drawn of a pose, the first if none is named
  trails   where the keypoints have just been
  black    on black, without the picture
  names    each keypoint's name
  subjects a colour for each subject
  nosquare, nohud   without the tracker's square, without the numbers
  limb=2 joint=5 color=#ffb703   widths in pixels of a 640x480 picture, one colour for all
"""

style_option = click.option(
    "--style",
    default="",
    metavar="WORDS",
    help="How poses are drawn, as in points,trails,black or skeleton,color=#ffb703; see below.",
)
_VIEWING = (
    style_option,
    click.option("--mirror", is_flag=True, help="Show the picture as in a mirror."),
    click.option(
        "--record-to",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Where the keys r and s put recordings and snapshots; default here.",
    ),
    click.option("--record-video", is_flag=True, help="Recordings by key r hold the frames, too."),
)
_FILTERING = (
    click.option(
        "--smoothing",
        metavar="MIN_CUTOFF,BETA",
        help="Of the One-Euro filter, in hertz and hertz per body size a second; default 1,12.",
    ),
    click.option(
        "--tune-smoothing",
        is_flag=True,
        help="Find them: hold still for two seconds. They are printed, and stored in the session.",
    ),
    click.option(
        "--lag",
        type=click.FloatRange(1, 200),
        metavar="MS",
        help="Tune for this lag of a moving point; default 30.",
    ),
    click.option(
        "--predict",
        type=click.FloatRange(0, 250),
        is_flag=False,
        flag_value=0.0,
        metavar="[MS]",
        help="Also say where keypoints will be when they are shown, MS later; by itself, the "
        "measured age.",
    ),
)


def viewing(function: F) -> F:
    """Options of commands with a window, as the argument `viewing`."""
    return _grouped(function, "viewing", _VIEWING)


def filtering(function: F) -> F:
    """Options of commands that track, as the argument `filtering`."""
    return _grouped(function, "filtering", _FILTERING)


def _grouped(function: F, group: str, options: tuple[Callable[[Any], Any], ...]) -> F:
    """`function` with `options`, whose values it gets as one mapping called `group`."""

    @wraps(function)
    def called(*arguments: Any, **values: Any) -> Any:
        own = {name: values.pop(name) for name in names}
        return function(*arguments, **values, **{group: own})

    made: Any = called
    for option in reversed(options):
        made = option(made)
    names = [own.name for own in made.__click_params__[-len(options) :]]
    grouped: F = made
    return grouped
