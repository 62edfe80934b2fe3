"""The panels of a plot. Colours are Okabe and Ito's, told apart with any colour vision.

`axes` are matplotlib's; times are seconds since the first processed frame.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image
from engines.skeleton import Skeleton
from realtime.export.story import Story

COLORS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#888888",
    "#E5D52E",
)  # fmt: skip
SECONDS = "seconds since the first frame"
BLUE, ORANGE, GREY = COLORS[0], COLORS[1], "#9aa0a6"
NOTHING, LOST = "#dfe3e8", "#f3b391"  # shades of gaps
PAUSE = {"facecolor": "white", "edgecolor": "#9aa0a6", "hatch": "////", "lw": 0, "zorder": 0}
FADE = 0.55  # of the picture towards white
BINS = 60  # of the latencies, and of the ledger along time


def trajectories(axes: Any, story: Story, picture: Image | None) -> None:
    """Where each point went, over the first frame; the last pose drawn whole."""
    width, height = story.rows.session.facts["source"]["size"]
    if picture is not None:
        faded = 255 - (1 - FADE) * (255 - cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(float))
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        axes.imshow(faded.astype(np.uint8), extent=extent, interpolation="bilinear")
    dense = story.points.shape[1] > len(COLORS)
    for label, color, members in _groups(story.rows.skeleton):
        for k in members:
            own = story.points[:, k]
            axes.plot(*own.T, color=color, lw=0.6 if dense else 1.1, alpha=0.4 if dense else 0.6)
        axes.plot([], [], color=color, lw=2.5, label=label)
    whole = np.flatnonzero(np.isfinite(story.points[..., 0]).all(axis=1))
    if len(whole):
        pose = story.points[whole[-1]]
        for a, b in story.rows.skeleton.edges:
            axes.plot(*pose[[a, b]].T, color="white", lw=3.2, solid_capstyle="round")
            axes.plot(*pose[[a, b]].T, color="black", lw=1.4, solid_capstyle="round")
        for _, color, members in _groups(story.rows.skeleton):
            axes.plot(
                *pose[members].T, "o", color=color, ms=3 if dense else 6, mec="white", mew=0.7
            )
    axes.set(title="Trajectories and the last pose", xlim=(-0.5, width - 0.5))
    axes.set(ylim=(height - 0.5, -0.5), aspect="equal", xlabel="x, px", ylabel="y, px")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=5, handlelength=1.2)


def over_time(three: Sequence[Any], story: Story) -> None:
    """x, y and confidence in three axes that share their time; gaps are shaded."""
    times = story.edges_s[:-1]
    breaks = np.searchsorted(times, story.pauses_s[:, 1])  # before which moments
    times = np.insert(times, breaks, np.nan)
    dense = story.points.shape[1] > len(COLORS)
    for axes, values, name in zip(
        three,
        (story.points[..., 0], story.points[..., 1], story.confidence),
        ("x, px", "y, px", "confidence"),
        strict=True,
    ):
        for _, color, members in _groups(story.rows.skeleton):
            lines = np.insert(values[:, members], breaks, np.nan, axis=0)
            axes.plot(times, lines, color=color, lw=0.5 if dense else 1.0, alpha=0.8)
        _shade(axes, story)
        axes.set(ylabel=name, xlim=(story.edges_s[0], story.edges_s[-1]))
        axes.margins(y=0.08)
    three[0].set_title("Positions over time")
    three[1].invert_yaxis()
    three[2].set(ylim=(0, 1.05))
    _legend_of_gaps(three[0], story)


def name_points(figure: Any, story: Story) -> None:
    """Which colour is which point, below everything."""
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color=color, lw=2.5, label=label)
        for label, color, _ in _groups(story.rows.skeleton)
    ]
    figure.legend(handles=lines, loc="outside lower center", ncols=7, handlelength=1.2)


def latency(axes: Any, story: Story) -> None:
    """How long after its capture each frame was recorded."""
    values = story.latency_ms
    median, tenth, worst = np.percentile(values, (50, 90, 99))
    end = max(float(np.percentile(values, 99.5)) * 1.15, 0.1)
    axes.hist(np.minimum(values, end), bins=BINS, range=(0, end), color=BLUE, alpha=0.85)
    top = axes.get_ylim()[1]
    axes.set_ylim(0, top * 1.3)
    for rank, (name, value) in enumerate((("p50", median), ("p90", tenth), ("p99", worst))):
        axes.axvline(value, color=ORANGE, lw=1.4, ls=("-", "--", ":")[rank])
        axes.annotate(
            f"{name} {value:.1f} ms",
            (value, top * (1.25 - 0.1 * rank)),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color="#8a3d00",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85},
        )
    beyond = int((values > end).sum())
    note = f" ({beyond} beyond the right edge)" if beyond else ""
    axes.set(title=f"Latency{note}", xlabel="ms from capture to record", ylabel="frames")
    axes.set_xlim(0, end * 1.08)


def drops(axes: Any, story: Story) -> None:
    """The ledger: what became of every frame, along time."""
    found, empty, lost = story.captured
    starts = np.arange(0, len(story.kinds), -(-len(story.kinds) // BINS))
    counts = np.add.reduceat(story.kinds, starts, axis=0)
    edges = np.append(story.edges_s[starts], story.edges_s[-1])
    floor: NDArray[np.float64] = np.zeros(len(counts))
    names = (f"{found:,} found", f"{empty:,} nothing found", f"{lost:,} lost")
    for column, color, hatch, name in zip(
        counts.T, (BLUE, GREY, ORANGE), ("", "", "////"), names, strict=True
    ):
        axes.bar(
            edges[:-1],
            column,
            np.diff(edges),
            floor,
            align="edge",
            color=color,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.4,
            label=name,
        )
        floor = floor + column
    unrecorded = lost - story.dropped
    kinds = f"{story.dropped:,} dropped by the source, {unrecorded:,} not recorded"
    axes.set_title(
        f"Ledger: {story.rows.count:,} captured = {found + empty:,} processed + {lost:,} lost"
        + (f"\n({kinds})" if lost else "")
    )
    axes.set(xlabel=SECONDS, ylabel="frames")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlim(story.edges_s[0], story.edges_s[-1])
    axes.set_ylim(0, floor.max() * 1.35)
    axes.legend(loc="upper right", ncols=3, borderaxespad=0.1)


def _groups(skeleton: Skeleton) -> Iterator[tuple[str, str, list[int]]]:
    """Label, colour and keypoints: one per keypoint if there are few, else one per limb."""
    names = skeleton.keypoints
    if len(names) <= len(COLORS):
        yield from ((name, COLORS[k], [k]) for k, name in enumerate(names))
        return
    left = set(range(len(names)))
    limbs = [(limb.name, list(limb.path)) for limb in skeleton.limbs]
    for number, (name, path) in enumerate([*limbs, ("others", sorted(left))]):
        if own := [k for k in path if k in left]:
            left -= set(own)
            yield name, COLORS[number % len(COLORS)], own


def _shade(axes: Any, story: Story) -> None:
    for column, color in ((1, NOTHING), (2, LOST)):
        flags = story.kinds[:, column] > 0
        starts, ends = np.flatnonzero(np.diff(flags, prepend=False, append=False)).reshape(-1, 2).T
        for start, end in zip(story.edges_s[starts], story.edges_s[ends], strict=True):
            axes.axvspan(start, end, color=color, lw=0, zorder=0)
    for start, end in story.pauses_s:
        axes.axvspan(start, end, **PAUSE)


def _legend_of_gaps(axes: Any, story: Story) -> None:
    from matplotlib.patches import Patch

    shades = [Patch(color=NOTHING, label="nothing found"), Patch(color=LOST, label="frames lost")]
    if len(story.pauses_s):
        shades.append(Patch(**PAUSE, label="no frames"))
    axes.legend(handles=shades, loc="lower right", bbox_to_anchor=(1, 1), ncols=3)
