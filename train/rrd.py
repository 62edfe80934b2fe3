"""Rerun's recordings: the points that `keycam export --to rrd` logs."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import DataError
from engines.skeleton import Skeleton
from train.foreign import order, table
from train.tables import Table

_BROKEN = (OSError, KeyError, ValueError, IndexError, TypeError, RuntimeError, Warning)


def read_rrd(path: Path, skeleton: Skeleton) -> Table:
    """Read the points of all entities, one after the other; names are the annotation context's.

    Raises:
        DataError: damaged, cut off, or with other keypoints.
    """
    from rerun.chunk import RrdReader

    names: list[str] = []
    parts, frames = [], []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a file that is cut off is one
            chunks = [own.to_record_batch() for own in RrdReader(path).stream().to_chunks()]
        for chunk in chunks:
            if "AnnotationContext:context" in chunk.schema.names:
                ((context,),) = chunk.column("AnnotationContext:context").to_pylist()
                marks = context[0]["class_description"]["keypoint_annotations"]
                names = [own["label"] for own in sorted(marks, key=lambda own: own["id"])]
        chosen = order(path, names, skeleton)
        for chunk in chunks:
            if "Points2D:positions" in chunk.schema.names:
                parts.append(_points(chunk, len(names))[:, chosen])
                frames += chunk.column("frame").to_pylist()
        points = np.concatenate(parts)
    except _BROKEN as error:
        raise DataError(f"{path}: not a recording of `keycam export` ({error})") from error
    return table(path, points, frames=frames)


def _points(chunk: Any, count: int) -> Any:
    """(n, K, 2), NaN where a frame has no such point."""
    shown = chunk.column("Points2D:positions").to_pylist()
    ids = chunk.column("Points2D:keypoint_ids").to_pylist()
    points = np.full((len(shown), count, 2), np.nan)
    for row, (places, own) in enumerate(zip(shown, ids, strict=True)):
        if places:
            points[row, own] = places
    return points
