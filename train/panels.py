"""The parts of a run's report, each as HTML; empty where there is nothing to show."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.skeleton import Skeleton
from train import page, svg
from train.contact import contact_sheet, jpeg
from train.evidence import Told
from train.finding import Finding
from train.prior import Prior
from train.prior_check import spread

TRACED = 5  # keypoints whose way is drawn
SHOWN_POSES = 12
STAGES = {
    "criterion": "The criterion, measured on frames kept aside, without labels",
    "joint": "All parts together",
    "distil": "The tracker network learns from the teacher",
    "pretrain": "The regressor learns to read drawings",
}
MEANING = {
    "adversarial": "how far skeleton images are from drawings of true poses, to the critic",
    "critic": "how well the critic tells them apart; 0.25 is not at all",
    "equivariance": "how badly keypoints follow a turned and bent frame",
    "perceptual": "how unlike the rebuilt frames are, by features",
    "pixels": "how unlike the rebuilt frames are, by pixels",
    "prior": "how badly drawn prior poses are read",
    "redraw": "how unlike redrawn skeleton images are",
    "place": "distance to the teacher's keypoints, in sizes of the pose",
    "trust": "how badly the model knows its own error",
    "error": "mean distance of keypoints",
    "loss": "what is minimised",
}


def findings(before: Sequence[Finding], after: Sequence[Finding]) -> str:
    """What was wrong with the data, and what is suspicious about the model."""
    parts = []
    for title, own in (("In the data", before), ("In what was learnt", after)):
        if own:
            parts.append(f'<h3>{title}</h3><ul class="findings">{"".join(map(_item, own))}</ul>')
    nothing = page.paragraph("Nothing suspicious was found. Look at the pictures all the same.")
    return page.section("findings", "What to look at", *(parts or [nothing]))


def _item(finding: Finding) -> str:
    text = f"{finding.where}: {finding.what}" if finding.where else finding.what
    kind = "stop" if finding.severity == "stop" else "warning"
    remedy = f'<span class="remedy">{page.escape(finding.remedy)}</span>' if finding.remedy else ""
    return f'<li class="{kind}"><span class="tag">{kind}</span>{page.escape(text)}{remedy}</li>'


def overlays(told: Sequence[Told], skeleton: Skeleton, zoom: float, *, rows: int) -> str:
    """Frames of all clips with what was found in them."""
    columns = 6
    every = [(own, n) for own in told for n in range(len(own.images))]
    by_turns = sorted(every, key=lambda pair: (_turn(pair), told.index(pair[0])))
    chosen = by_turns[: columns * rows]
    if not chosen:
        return ""
    sheet = contact_sheet(chosen, skeleton, columns=min(columns, len(chosen)), zoom=zoom)
    clips = len({own.name for own, _ in chosen})
    says = f"{len(chosen)} frames of {clips} clip{'s' if clips > 1 else ''}, as the network sees "
    return page.picture(jpeg(sheet), says + "them, with what it finds.")


def _turn(pair: tuple[Told, int]) -> int:
    """When a frame's turn comes: the middles of all clips, then places spread over each."""
    own, number = pair
    count = len(own.images)
    order = sorted(range(count), key=lambda n: _reversed_bits((n + count // 2) % count))
    return order.index(number)


def _reversed_bits(number: int) -> int:
    return int(f"{number:016b}"[::-1], 2)


def over_time(told: Sequence[Told], skeleton: Skeleton, zoom: float) -> str:
    """A clip's keypoints over its frames, and the frames themselves."""
    row = next((own for own in told if own.in_a_row and len(own.images) > 2), None)
    if row is None:
        return ""
    poses = row.poses(zoom)
    names = skeleton.keypoints
    chosen = _traced(poses, len(names))
    frame = np.arange(len(poses), dtype=np.float64)
    charts = []
    for axis, way in ((0, "left to right"), (1, "top to bottom")):
        lines = {names[k]: (frame, poses[:, k, axis].astype(np.float64)) for k in chosen}
        drawn = svg.curves(lines, label=f"{way} over frames", x_label="frame")
        charts.append(page.card("xy"[axis], "", f"{way}, edges of the crop at -1 and 1", drawn))
    strip = [(row, int(n)) for n in np.linspace(0, len(poses) - 1, min(12, len(poses)))]
    sheet = contact_sheet(strip, skeleton, columns=min(6, len(strip)), zoom=zoom)
    return page.section(
        "time",
        "Over time",
        page.paragraph(
            f"{len(poses)} frames in a row of {row.name}. Smooth lines that follow the subject are "
            "good; teeth are jitter, and two lines that change places are a swap."
        ),
        f'<div class="grid-2">{"".join(charts)}</div>',
        svg.legend([names[k] for k in chosen]),
        page.picture(jpeg(sheet), "The same frames, first to last."),
    )


def _traced(poses: NDArray[np.float32], count: int) -> list[int]:
    """Keypoints to draw: all where they are few, else those that move most, kept apart."""
    if count <= TRACED:
        return list(range(count))
    moves = poses.std(axis=0).sum(axis=-1)
    blocks = np.array_split(np.arange(count), TRACED)
    return [int(block[np.argmax(moves[block])]) for block in blocks]


def both_poses(told: Sequence[Told], prior: Prior | None, zoom: float) -> str:
    """The poses found beside the prior's, and how far each keypoint moves in both."""
    if prior is None or not told:
        return ""
    own = np.concatenate([each.poses(zoom) for each in told])
    skeleton = prior.skeleton
    sides = []
    for title, shapes in (("Found in the frames", own), ("Given: the prior", prior.poses)):
        picked = shapes[np.linspace(0, len(shapes) - 1, min(len(shapes), SHOWN_POSES)).astype(int)]
        drawn = svg.poses(picked, skeleton, columns=4, label=title)
        sides.append(page.card(title, f"{len(shapes)}", "a few of them, in the crop", drawn))
    parts = [f'<div class="grid-2">{"".join(sides)}</div>']
    if len(skeleton.keypoints) > 2 and len(own) > 1:
        parts.append(_variety(own, prior))
    return page.section("poses", "Poses found and poses given", *parts)


def _variety(own: NDArray[np.float32], prior: Prior) -> str:
    found, given = spread(own), spread(prior.poses)
    number = np.arange(len(found), dtype=np.float64)
    lines = {"found": (number, 100 * found), "given": (number, 100 * given)}
    chart = svg.curves(lines, label="movement of each keypoint", x_label="keypoint")
    says = "place, size and turn taken out; % of the pose. Found far below given is an average pose"
    inside = page.card("How far each keypoint moves", "", says, chart)
    beside = svg.legend(list(lines)) + _names(prior)
    return f'<div class="grid-2 below">{inside}<div>{beside}</div></div>'


def _names(prior: Prior) -> str:
    names = prior.skeleton.keypoints
    if len(names) > 20:
        return page.paragraph(f"Keypoints 0 to {len(names) - 1}, {names[0]} to {names[-1]}.")
    return page.paragraph(", ".join(f"{n} {name}" for n, name in enumerate(names)), quiet=True)


def training(lines: Sequence[Mapping[str, Any]]) -> str:
    """A small chart for each figure of each stage, whatever the metrics hold."""
    stages = sorted({str(line["stage"]) for line in lines}, key=lambda s: _rank(s))
    parts = []
    for stage in stages:
        own = [line for line in lines if line["stage"] == stage]
        keys = sorted({key for line in own for key, v in line.items() if _is_figure(key, v)})
        cards = "".join(_curve_card(key, own) for key in keys)
        title = STAGES.get(stage, stage)
        parts.append(f'<h3>{page.escape(title)}</h3><div class="grid-3">{cards}</div>')
    return page.section("curves", "How the training went", *parts)


def _rank(stage: str) -> tuple[int, str]:
    known = list(STAGES)
    return (known.index(stage) if stage in known else len(known), stage)


def _is_figure(key: str, value: Any) -> bool:
    return key not in ("stage", "step") and type(value) in (int, float)


def _curve_card(key: str, lines: Sequence[Mapping[str, Any]]) -> str:
    points = [(line["step"], line[key]) for line in lines if _is_figure(key, line.get(key))]
    x, y = np.array(points, np.float64).T
    chart = svg.curves({key: (x, y)}, label=f"{key} over steps", x_label="step")
    return page.card(key, f"{y[-1]:.3g}", MEANING.get(key, ""), chart)
