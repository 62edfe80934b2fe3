"""Small figures as inline SVG: curves, and poses drawn as their skeleton."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, isfinite, log10

import numpy as np
from numpy.typing import NDArray

from engines.skeleton import Skeleton

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 24
LOG_RATIO = 30.0  # largest over smallest value from which an axis is logarithmic
STYLES = 6  # of lines, in the page's style sheet: s0 … s5
CELL = 96


def curves(
    lines: Mapping[str, tuple[NDArray[np.floating], NDArray[np.floating]]],
    *,
    label: str,
    x_label: str,
) -> str:
    """A chart of named lines (x, y), one style each; what is not finite is left out.

    Args:
        label: what it shows, for those who cannot see it.
    """
    lines = {name: _finite(*line) for name, line in lines.items()}
    lines = {name: line for name, line in lines.items() if len(line[0])}
    if not lines:
        return ""
    xs = np.concatenate([x for x, _ in lines.values()])
    ys = np.concatenate([y for _, y in lines.values()])
    logarithmic = ys.min() > 0 and ys.max() / ys.min() > LOG_RATIO
    if logarithmic:
        lines = {name: (x, np.log10(y)) for name, (x, y) in lines.items()}
        ys = np.log10(ys)
    horizontal = _Axis(float(xs.min()), float(xs.max()), LEFT, WIDTH - RIGHT)
    vertical = _Axis(float(ys.min()), float(ys.max()), HEIGHT - BOTTOM, TOP, padded=True)
    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    parts.append(f"<title>{escape(label)}</title>")
    parts += _grid(horizontal, vertical, logarithmic=logarithmic, x_label=x_label)
    for number, (x, y) in enumerate(lines.values()):
        path = " ".join(
            f"{horizontal.at(a):.1f},{vertical.at(b):.1f}" for a, b in zip(x, y, strict=True)
        )
        parts.append(f'<polyline class="line s{number % STYLES}" points="{path}"/>')
    return "".join(parts) + "</svg>"


def legend(names: Sequence[str]) -> str:
    """The names of lines, each with a piece of its line."""
    entries = [
        '<span class="key"><svg viewBox="0 0 26 8" width="26" height="8" aria-hidden="true">'
        f'<line class="line s{n % STYLES}" x1="1" x2="25" y1="4" y2="4"/></svg>{escape(name)}'
        "</span>"
        for n, name in enumerate(names)
    ]
    return f'<p class="legend">{"".join(entries)}</p>'


def poses(shapes: NDArray[np.floating], skeleton: Skeleton, *, columns: int, label: str) -> str:
    """Poses (N, K, 2) in crop space, side by side, each in a dark cell of its own."""
    rows = -(-len(shapes) // columns)
    box = f"0 0 {columns * CELL} {rows * CELL}"
    parts = [f'<svg class="poses" viewBox="{box}" role="img"><title>{escape(label)}</title>']
    dense = len(skeleton.keypoints) > 30
    for n, shape in enumerate(shapes):
        x, y = n % columns * CELL, n // columns * CELL
        parts.append(
            f'<rect x="{x + 2}" y="{y + 2}" width="{CELL - 4}" height="{CELL - 4}" rx="6"/>'
        )
        spots = np.clip((shape + 1) * (CELL / 2), 4, CELL - 4) + np.array([x, y])
        for limb in skeleton.limbs:
            way = " ".join(f"{a:.1f},{b:.1f}" for a, b in spots[list(limb.path)])
            kind = "polygon" if limb.closed else "polyline"
            parts.append(f'<{kind} points="{way}" stroke="{escape(limb.color)}"/>')
        if not dense:
            parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2"/>' for a, b in spots]
    return "".join(parts) + "</svg>"


class _Axis:
    """From values to places on the page."""

    def __init__(
        self, low: float, high: float, start: float, stop: float, *, padded: bool = False
    ) -> None:
        if high - low < 1e-12:
            low, high = low - max(abs(low) * 0.1, 1e-6), high + max(abs(high) * 0.1, 1e-6)
        room = 0.06 * (high - low) if padded else 0.0
        self.low, self.high = low - room, high + room
        self.start, self.stop = start, stop

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)

    def ticks(self, most: int) -> list[float]:
        """Round numbers within."""
        rough = (self.high - self.low) / most
        unit = 10.0 ** floor(log10(rough))
        step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [n * step for n in range(first, last + 1)]


def _grid(across: _Axis, up: _Axis, *, logarithmic: bool, x_label: str) -> list[str]:
    parts = []
    for value in _heights(up) if logarithmic else up.ticks(4):
        y = up.at(value)
        text = f"{10**value:g}" if logarithmic else f"{value:.6g}"
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{text}</text>')
    for value in across.ticks(4):
        x = across.at(value)
        near = "end" if x > WIDTH - 3 * RIGHT else "middle"
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 9}" text-anchor="{near}">{value:g}</text>')
    end = f'<text class="unit" x="{LEFT}" y="{HEIGHT - 9}">{escape(x_label)}</text>'
    return [*parts, end] if across.at(across.ticks(4)[0]) > LEFT + 30 else parts


def _heights(up: _Axis) -> list[float]:
    """Places for 1, 2 and 5 times the powers of ten, or those of ten alone where they are many."""
    decades = range(floor(up.low), ceil(up.high) + 1)
    fine = (1, 2, 5) if up.high - up.low < 1.6 else (1,)
    marks = [n + log10(k) for n in decades for k in fine]
    return [mark for mark in marks if up.low <= mark <= up.high]


def _finite(
    x: NDArray[np.floating], y: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    good = np.array([isfinite(a) and isfinite(b) for a, b in zip(x, y, strict=True)], bool)
    return np.asarray(x)[good], np.asarray(y)[good]
