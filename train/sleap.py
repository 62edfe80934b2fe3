"""SLEAP's files: the analysis file, and `.slp` through sleap-io."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import DataError
from engines.skeleton import Skeleton
from train.foreign import order, table
from train.tables import Table

AXES = ("frame", "track", "node", "xy")
MATLAB = ("track", "xy", "node", "frame")  # how an analysis file stores them unless it says so
_BROKEN = (OSError, KeyError, ValueError, IndexError, TypeError, AttributeError, RuntimeError)


def is_analysis(path: Path) -> bool:
    """Whether an HDF5 file is SLEAP's analysis file.

    Raises:
        DataError: it is not HDF5 at all.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "tracks" in file and "node_names" in file
    except OSError as error:
        raise DataError(f"{path}: not a readable HDF5 file ({error})") from error


def read_analysis(path: Path, skeleton: Skeleton) -> Table:
    """Read the tracks, one after the other; frames are those of the video.

    Raises:
        DataError: damaged, or with other keypoints.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            tracks = np.asarray(file["tracks"][()], np.float64)
            dims = json.loads(file["tracks"].attrs.get("dims", json.dumps(MATLAB)))
            names = [name.decode() for name in file["node_names"][()]]
            points = tracks.transpose([dims.index(axis) for axis in AXES])
    except _BROKEN as error:
        raise DataError(f"{path}: not an analysis file of SLEAP's ({error})") from error
    if points.shape[2:] != (len(names), 2):
        raise DataError(f"{path}: its tracks are not of its {len(names)} nodes")
    frames, count = points.shape[:2]
    points = points[:, :, order(path, names, skeleton)]
    joined = points.transpose(1, 0, 2, 3).reshape(frames * count, -1, 2)
    return table(path, joined, frames=list(range(frames)) * count)


def read_slp(path: Path, skeleton: Skeleton) -> Table:
    """Read the instances of all frames: those labelled by hand, or else the predicted ones.

    Frames of a list of pictures are named by these; frames of one video are numbered.

    Raises:
        DataError: damaged, without a skeleton, or with other keypoints.
    """
    import sleap_io

    try:
        labels = sleap_io.load_slp(str(path), open_videos=False)
        names = list(labels.skeletons[0].node_names)
        found = [
            (frame, own.numpy())
            for frame in labels.labeled_frames
            for own in frame.user_instances or frame.predicted_instances
        ]
        points = np.array([own for _, own in found], np.float64).reshape(-1, len(names), 2)
        shown = [frame for frame, _ in found]
        listed = bool(labels.videos) and all(isinstance(v.filename, list) for v in labels.videos)
        images = [frame.video.filename[frame.frame_idx] for frame in shown] if listed else None
    except _BROKEN as error:
        raise DataError(f"{path}: not a readable .slp file ({error})") from error
    numbered = [frame.frame_idx for frame in shown] if len(labels.videos) == 1 else None
    return table(
        path,
        points[:, order(path, names, skeleton)],
        frames=None if images else numbered,
        images=images,
        sizes=_sizes(shown),
    )


def _sizes(frames: list[Any]) -> Any:
    """(N, 2) width and height of the videos, or None if one is not known."""
    shapes = [frame.video.shape for frame in frames]
    if not shapes or any(shape is None for shape in shapes):
        return None
    return np.array([[shape[2], shape[1]] for shape in shapes], np.float32)
