"""Neurodata Without Borders: the poses of ndx-pose."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.skeleton import Skeleton
from train.foreign import order, table
from train.tables import Table

KIND = "neurodata_type"
ESTIMATION, SERIES = "PoseEstimation", "PoseEstimationSeries"
_BROKEN = (OSError, KeyError, ValueError, IndexError, TypeError, AttributeError, RuntimeError)


def read_nwb(path: Path, skeleton: Skeleton) -> Table:
    """Read every PoseEstimation, one after the other; frames are the rows of its series.

    The file is read with h5py, by the schema of ndx-pose: code and extensions that it names are
    not loaded.

    Raises:
        DataError: not such a file, without poses, or with other keypoints.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            found: list[Any] = []
            file.visititems(lambda _, own: found.append(own) if _is(own, ESTIMATION) else None)
            if not found:
                raise DataError(f"{path}: has no {ESTIMATION} of ndx-pose")
            parts = [_points(path, own, skeleton) for own in found]
    except _BROKEN as error:
        raise DataError(f"{path}: not a readable NWB file ({error})") from error
    frames = [number for part in parts for number in range(len(part))]
    return table(path, np.concatenate(parts), frames=frames)


def _points(path: Path, estimation: Any, skeleton: Skeleton) -> NDArray[np.float64]:
    """(n, K, 2) in the order of the skeleton; series are named for their keypoints."""
    series = {name: own for name, own in estimation.items() if _is(own, SERIES)}
    names = list(series)
    chosen = [series[names[k]]["data"] for k in order(path, names, skeleton)]
    for own in chosen:
        if own.ndim != 2 or own.shape != (len(chosen[0]), 2):
            raise DataError(f"{path}: its series are not x and y of the same frames")
    return np.stack([own[()] * float(own.attrs.get("conversion", 1)) for own in chosen], axis=1)


def _is(own: Any, kind: str) -> bool:
    found = own.attrs.get(KIND)
    return bool((found.decode() if isinstance(found, bytes) else found) == kind)
