"""A session as a picture: where the points went, when, how sure, how late, and what was lost."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.errors import DataError
from engines.geometry import Image
from realtime.export.files import fresh
from realtime.export.rows import Rows
from realtime.export.story import Story
from realtime.session import Session, SessionError, open_session

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("all", "trajectories", "time", "latency", "drops")
ENDINGS = (".png", ".svg")
STYLE = {
    "font.size": 9.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelcolor": "#444444",
    "axes.edgecolor": "#999999",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "svg.fonttype": "none",
}


def plot(session: str | Path, output: str | Path, *, kind: str = "all", raw: bool = False) -> Path:
    """Draw a session to a `.png` or `.svg`.

    Args:
        kind: "trajectories" over the first frame of the session's video, if it has one; "time":
            x, y and confidence along time, gaps shaded; "latency": their distribution; "drops":
            the ledger of frames; "all": these four.
        raw: keypoints as found, not smoothed.

    Raises:
        SessionError: the session cannot be read, or the file not written.
        DataError: another kind or ending.
        ModuleNotFoundError: matplotlib is not installed.
    """
    path = Path(output)
    if kind not in KINDS:
        raise DataError(f"no plot '{kind}'; there are {', '.join(KINDS)}")
    if path.suffix.lower() not in ENDINGS:
        raise DataError(f"{path}: a plot is written as {' or '.join(ENDINGS)}; rename it so")
    import matplotlib as mpl

    opened = open_session(session)
    story = Story.of(Rows.of(opened, raw=raw))
    with fresh([path]) as (part,), mpl.rc_context(STYLE):
        _figure(story, kind, _first_frame(opened)).savefig(part, dpi=150)
    return path


def _figure(story: Story, kind: str, picture: Image | None) -> "Figure":
    from matplotlib.figure import Figure

    from realtime.export.panels import SECONDS, drops, latency, name_points, over_time, trajectories

    size = {"all": (13, 9), "time": (10, 7), "trajectories": (8, 6.5)}.get(kind, (8, 4.5))
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(_title(story), fontsize=10, color="#666666", x=0.01, ha="left")
    if kind == "trajectories":
        trajectories(figure.subplots(), story, picture)
    elif kind == "time":
        lines = figure.subplots(3, sharex=True, height_ratios=(2, 2, 1))
        over_time(lines, story)
        lines[-1].set_xlabel(SECONDS)
        name_points(figure, story)
    elif kind == "latency":
        latency(figure.subplots(), story)
    elif kind == "drops":
        drops(figure.subplots(), story)
    else:
        left, right = figure.subfigures(1, 2, width_ratios=(1, 1.15), wspace=0.03)
        above, below = left.subplots(2, height_ratios=(1.9, 1))
        trajectories(above, story, picture)
        latency(below, story)
        *lines, last = right.subplots(4, sharex=True, height_ratios=(2, 2, 1.2, 1.2))
        over_time(lines, story)
        drops(last, story)
    return figure


def _title(story: Story) -> str:
    rows = story.rows
    shown = "as found" if rows.raw else "smoothed"
    who = (
        f" · subject {rows.subjects[0]}, the first of {len(rows.subjects)}"
        if len(rows.subjects) > 1
        else ""
    )
    return (
        f"{rows.session.path.resolve().name} · {rows.shown} · {rows.model} · "
        f"{rows.count:,} frames · keypoints {shown}{who}"
    )


def _first_frame(session: Session) -> Image | None:
    """The first frame of the session's video, if it has one that can be read."""
    try:
        path: Any = session.video
    except SessionError:
        return None
    if path is None:
        return None
    capture = cv2.VideoCapture(str(path))
    good, image = capture.read()
    capture.release()
    return np.asarray(image, np.uint8) if good else None
