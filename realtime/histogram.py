"""The times of a benchmark as a picture: a distribution per engine."""

from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import DataError
from realtime.bench import Bench, Run
from realtime.export.files import fresh
from realtime.export.plot import STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ENDINGS = (".png", ".svg")
PARTS = ("crop", "infer", "track", "draw")
BEYOND = 99.0  # percentile at which the axis ends: one hiccup would squeeze all the rest


def check_plot(path: Path) -> None:
    """Refuse now what could not be drawn later.

    Raises:
        DataError: another ending, or no such folder.
        ModuleNotFoundError: matplotlib is not installed.
    """
    if path.suffix.lower() not in ENDINGS:
        raise DataError(f"{path}: a plot is written as {' or '.join(ENDINGS)}; rename it so")
    if not path.absolute().parent.is_dir():
        raise DataError(f"{path}: there is no such folder")
    import matplotlib  # noqa: F401 (is it there?)


def draw(bench: Bench, path: Path) -> Path:
    """Draw the whole loop's times and each stage's share, engine by engine.

    Raises:
        DataError: the file cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with fresh([path]) as (part,), mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 2.2 + 1.1 * len(bench.runs)), layout="constrained")
        width, height = bench.size
        title = f"{bench.model['name']}, {bench.source}, {width} x {height}"
        figure.suptitle(title, fontsize=10, color="#666666", x=0.01, ha="left")
        whole, parts = figure.subplots(1, 2, sharey=True)
        _violins(whole, bench.runs)
        _stages(parts, bench.runs)
        figure.savefig(part, dpi=150)
    return path


def _violins(axes: "Axes", runs: list[Run]) -> None:
    import numpy as np

    ends = [float(np.percentile(run.samples["loop"], BEYOND)) for run in runs]
    shown = [
        [value for value in run.samples["loop"] if value <= end]
        for run, end in zip(runs, ends, strict=True)
    ]
    places = range(len(runs), 0, -1)
    bodies = axes.violinplot(
        shown, places, orientation="horizontal", showextrema=False, widths=0.8
    )["bodies"]
    for body in bodies:
        body.set(facecolor="#8ecae6", edgecolor="#219ebc", alpha=0.9)
    for place, run in zip(places, runs, strict=True):
        row = run.stages["loop"]
        axes.plot([row.p50_ms, row.p90_ms], [place] * 2, "o", color="#023047", markersize=4)
        label = f"p50 {row.p50_ms:.2f}   p90 {row.p90_ms:.2f}   p99 {row.p99_ms:.2f}"
        axes.annotate(label, (row.p50_ms, place + 0.42), fontsize=8, color="#444444")
    axes.set_yticks(list(places), [f"{run.engine}\n{run.precision}" for run in runs])
    axes.set(title="Whole loop", xlabel="ms a frame, to the 99th percentile", xlim=(0, None))
    axes.set_ylim(0.4, len(runs) + 0.75)


def _stages(axes: "Axes", runs: list[Run]) -> None:
    colors = dict(zip(PARTS, ("#ffb703", "#219ebc", "#8ecae6", "#fb8500"), strict=True))
    for place, run in zip(range(len(runs), 0, -1), runs, strict=True):
        left = 0.0
        for part in PARTS:
            wide = run.stages[part].p50_ms
            axes.barh(place, wide, 0.5, left, color=colors[part], label=part if place == 1 else "")
            left += wide
    axes.set(title="Stages", xlabel="ms a frame, p50 of each")
    axes.legend(ncols=len(PARTS), loc="upper right", bbox_to_anchor=(1, 1.12))
