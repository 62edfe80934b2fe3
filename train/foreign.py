"""Poses from other programs' files, and from exported sessions, besides our own keypoint tables."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.skeleton import Skeleton
from train.tables import Table, read_table


def read_poses(path: Path, skeleton: Skeleton) -> Table:
    """Read the poses of any file we know, keypoints in the order of `skeleton`.

        .csv        a keypoint table, DeepLabCut's labels or predictions, or an exported session's
        .h5, .hdf5  DeepLabCut's, or SLEAP's analysis file
        .slp        SLEAP's own; labels made by hand where a frame has any, else predictions
        .json       COCO keypoints
        .nwb        Neurodata Without Borders with ndx-pose
        .parquet    an exported session's
        .rrd        an exported session's, for Rerun
        .bvh        motion capture, seen from random cameras

    Of files other than keypoint tables, frames and subjects without any keypoint are left out.

    Raises:
        DataError: missing, damaged, of another kind, or with other keypoints, which are named.
        ModuleNotFoundError: the format needs a package that is not installed.
    """
    # These modules build on the functions below, so they are imported here.
    from train import coco, deeplabcut, exports, mocap, nwb, rrd, sleap

    plain = {
        ".json": coco.read_coco,
        ".slp": sleap.read_slp,
        ".nwb": nwb.read_nwb,
        ".parquet": exports.read_parquet,
        ".rrd": rrd.read_rrd,
        ".bvh": mocap.read_mocap,
    }
    read = read_table
    if path.is_file():
        match path.suffix.lower():
            case ".h5" | ".hdf5" | ".hdf":
                read = sleap.read_analysis if sleap.is_analysis(path) else deeplabcut.read_h5
            case ".csv" if deeplabcut.is_csv(path):
                read = deeplabcut.read_csv
            case ".csv" if exports.is_csv(path):
                read = exports.read_csv
            case ending:
                read = plain.get(ending, read_table)
    return read(path, skeleton)


def order(path: Path, found: Sequence[str], skeleton: Skeleton) -> list[int]:
    """Where in `found` the keypoints of `skeleton` are.

    Raises:
        DataError: one is missing, or there is one more; it is named.
    """
    where = f"skeleton '{skeleton.name}' has {len(skeleton.keypoints)}, the file {len(found)}"
    if missing := [name for name in skeleton.keypoints if name not in found]:
        raise DataError(f"{path}: has no keypoint '{missing[0]}'; {where}")
    if extra := [name for name in found if name not in skeleton.keypoints]:
        raise DataError(f"{path}: keypoint '{extra[0]}' is not one of the skeleton's; {where}")
    if len(set(found)) < len(found):
        twice = next(name for name in found if list(found).count(name) > 1)
        raise DataError(f"{path}: has two keypoints '{twice}'")
    return [found.index(name) for name in skeleton.keypoints]


def table(
    path: Path,
    points: NDArray[np.float64],
    *,
    frames: Sequence[int] | None = None,
    images: Sequence[str] | None = None,
    sizes: NDArray[np.float32] | None = None,
) -> Table:
    """A table of the poses (N, K, 2) that have any point; a point without x or y has neither.

    Raises:
        DataError: there are none, or a coordinate is infinite.
    """
    if np.isinf(points).any():
        raise DataError(f"{path}: holds an infinite coordinate")
    points = np.where(np.isnan(points).any(axis=-1, keepdims=True), np.nan, points)
    kept = np.flatnonzero(np.isfinite(points).any(axis=(1, 2)))
    if not len(kept):
        raise DataError(f"{path}: has no labelled keypoint at all")
    return Table(
        points[kept].astype(np.float32),
        None if sizes is None else sizes[kept],
        None if images is None else [images[row] for row in kept],
        None if frames is None else [int(frames[row]) for row in kept],
    )
