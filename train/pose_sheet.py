"""A picture of a prior: its poses side by side, and all of them where they lie in their frames."""

from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.skeleton import Skeleton

TILE = 96
COLUMNS, ROWS = 12, 6
PAPER, LINE, INK = (24, 24, 24), (52, 52, 52), (205, 205, 205)
MARGIN = 0.12  # of a tile, left free round a pose
FAR = 4 * TILE * ROWS  # pixels: lines that go further are of no use in a picture


def describe(points: NDArray[np.float32], sizes: NDArray[np.float32]) -> str:
    """One line on poses (N, K, 2) in pixels of frames (N, 2): how many, how different, how large.

    Poses are distinct if a point differs by a tenth of a pixel; outside if their middle is.
    """
    distinct = len(np.unique(np.round(points, 1).reshape(len(points), -1), axis=0))
    middle = points.mean(axis=1)
    outside = int(((middle < -0.5) | (middle > sizes - 0.5)).any(axis=1).sum())
    length = np.ptp(points, axis=1).max(axis=1)
    share = length / sizes.max(axis=1)
    low, median, high = np.percentile(length, [0, 50, 100])
    return (
        f"{len(points)} poses, {distinct} distinct, {outside} outside their frames; {low:.0f} to "
        f"{high:.0f} pixels long (median {median:.0f}), {share.min():.2f} to {share.max():.2f} of "
        f"the frame (median {np.median(share):.2f})"
    )


def write_pose_sheet(
    path: Path, points: NDArray[np.float32], sizes: NDArray[np.float32], skeleton: Skeleton
) -> None:
    """Write a PNG: on the left all poses in the covering square of their frames, on the right up
    to COLUMNS x ROWS of them, each as large as its tile. Points that are NaN are left out.

    Args:
        points: (N, K, 2) pixels of frames of `sizes` (N, 2).

    Raises:
        DataError: `path` is no .png, or cannot be written.
    """
    if path.suffix.lower() != ".png":
        raise DataError(f"{path}: a sheet's name must end in .png")
    chosen = np.unique(np.linspace(0, len(points) - 1, COLUMNS * ROWS).round().astype(int))
    tiles = [_tile(points[n], skeleton) for n in chosen]
    blank = np.full((TILE, TILE, 3), PAPER, np.uint8)
    rows = -(-len(tiles) // COLUMNS)
    tiles += [blank] * (max(rows, 4) * COLUMNS - len(tiles))
    lines = [np.concatenate(tiles[n : n + COLUMNS], axis=1) for n in range(0, len(tiles), COLUMNS)]
    grid = np.concatenate(lines)
    sheet = np.concatenate([_overview(points, sizes, skeleton, len(grid)), grid], axis=1)
    good, data = cv2.imencode(".png", sheet)
    assert good
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.write_bytes(data.tobytes())
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise DataError(f"{path}: cannot be written ({error.strerror})") from error


def _tile(pose: NDArray[np.float32], skeleton: Skeleton) -> NDArray[np.uint8]:
    """The pose in the middle of a tile, as large as fits, one scale for both axes."""
    tile = np.full((TILE, TILE, 3), PAPER, np.uint8)
    cv2.rectangle(tile, (0, 0), (TILE - 1, TILE - 1), LINE, 1)
    known = pose[np.isfinite(pose).all(axis=1)]
    if len(known):
        low, high = known.min(axis=0), known.max(axis=0)
        scale = TILE * (1 - 2 * MARGIN) / max(float((high - low).max()), 1e-6)
        _draw(
            tile,
            (pose - (low + high) / 2) * scale + TILE / 2,
            skeleton,
            dots=2 if len(pose) <= 30 else 1,
        )
    return tile


def _overview(
    points: NDArray[np.float32], sizes: NDArray[np.float32], skeleton: Skeleton, side: int
) -> NDArray[np.uint8]:
    """All poses over each other; the frame is the covering square, few shapes are outlined."""
    sheet = np.full((side, side, 3), PAPER, np.uint8)
    shapes = np.unique(sizes, axis=0)
    for size in shapes if len(shapes) <= 3 else ():
        corner = (1 - size / size.max()) * side / 2
        ends = [tuple(int(v) for v in corner), tuple(int(v) - 1 for v in side - corner)]
        cv2.rectangle(sheet, ends[0], ends[1], LINE, 1)
    every = np.linspace(0, len(points) - 1, min(len(points), 300)).round().astype(int)
    for n in every:
        over = sheet.copy()
        scale = side / sizes[n].max()
        _draw(over, (points[n] - (sizes[n] - 1) / 2) * scale + side / 2, skeleton, dots=1)
        alpha = max(0.15, min(1.0, 2 / len(every) ** 0.5))
        sheet = np.asarray(cv2.addWeighted(over, alpha, sheet, 1 - alpha, 0), np.uint8)
    return sheet


def _draw(
    sheet: NDArray[np.uint8], places: NDArray[np.float64], skeleton: Skeleton, dots: int
) -> None:
    """Draw a pose (K, 2), pixels of `sheet`."""
    known = np.isfinite(places).all(axis=1)
    fixed = np.round(np.nan_to_num(places).clip(-FAR, FAR) * 16).astype(np.int32)
    for limb in skeleton.limbs:
        for a, b in limb.edges:
            if known[a] and known[b]:
                ends = [tuple(map(int, fixed[end])) for end in (a, b)]
                cv2.line(sheet, ends[0], ends[1], limb.rgb[::-1], 1, cv2.LINE_AA, 4)
    for place in fixed[known]:
        cv2.circle(sheet, tuple(map(int, place)), dots * 8, INK, -1, cv2.LINE_AA, 4)
