"""SLEAP's analysis file: HDF5 in the axis order its MATLAB users expect."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from realtime.export.rows import Rows
from realtime.export.tables import write_times

STRETCH = 1024  # frames per compressed block


def write_analysis(rows: Rows, path: Path, times: Path) -> None:
    """Tracks are subjects; frames are those of the source, so that numbers agree with its video."""
    import h5py

    with h5py.File(path, "w") as file:
        _describe(file, rows)
        subjects, points = len(rows.subjects), len(rows.skeleton.keypoints)
        tracks = _array(
            file, "tracks", ("track", "xy", "node", "frame"), (subjects, 2, points), rows
        )
        scores = _array(file, "point_scores", ("track", "node", "frame"), (subjects, points), rows)
        instances = _array(file, "instance_scores", ("track", "frame"), (subjects,), rows)
        _array(file, "tracking_scores", ("track", "frame"), (subjects,), rows)
        occupancy = file.create_dataset(
            "track_occupancy",
            (rows.count, subjects),
            np.uint8,
            chunks=(min(STRETCH, rows.count), subjects),
            compression="gzip",
            compression_opts=9,
        )
        occupancy.attrs["dims"] = json.dumps(["frame", "track"])
        for chunk in rows:
            place = slice(chunk.first, chunk.first + len(chunk))
            tracks[..., place] = chunk.points.transpose(1, 3, 2, 0)
            scores[..., place] = chunk.confidence.transpose(1, 2, 0)
            instances[..., place] = chunk.scores.T
            occupancy[place] = np.isfinite(chunk.confidence).any(axis=-1)
    write_times(rows, times)


def _array(file: Any, name: str, dims: tuple[str, ...], shape: tuple[int, ...], rows: Rows) -> Any:
    """A dataset with frames as its last axis, all NaN."""
    dataset = file.create_dataset(
        name,
        (*shape, rows.count),
        np.float64,
        chunks=(*shape, min(STRETCH, rows.count)),
        compression="gzip",
        compression_opts=9,
        fillvalue=np.nan,
    )
    dataset.attrs["dims"] = json.dumps(dims)
    return dataset


def _describe(file: Any, rows: Rows) -> None:
    skeleton = rows.skeleton
    names = [name.encode() for name in skeleton.keypoints]
    file["track_names"] = np.array([name.encode() for name in rows.names])
    file["node_names"] = np.array(names)
    file["edge_names"] = np.array([[names[a], names[b]] for a, b in skeleton.edges])
    file["edge_inds"] = np.array(skeleton.edges, np.int64)
    file["labels_path"] = ""
    file["video_path"] = rows.shown
    file["video_ind"] = 0
    file["provenance"] = json.dumps({"keycam": rows.session.facts["keycam"]})
    mirror = [[skeleton.keypoints[a], skeleton.keypoints[b]] for a, b in skeleton.mirror]
    file.attrs["format"] = "analysis"
    file.attrs["preset"] = "matlab"
    file.attrs["skeleton_name"] = skeleton.name
    file.attrs["skeleton_symmetries"] = json.dumps(mirror)
    file.attrs["keycam_model"] = rows.model
