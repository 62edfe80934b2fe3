"""SLEAP's own file, `.slp`, laid out by sleap-io.

sleap-io builds a whole file in memory. So it writes one frame, with one instance per subject, and
that frame's rows are the pattern for all the others, which are appended chunk by chunk. Rows of
the tables name those they belong to by number: `pred_points` follow from `instances`, `instances`
from `frames`.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.export.rows import Chunk, Rows
from realtime.export.tables import write_times

TABLES = ("frames", "instances", "pred_points")
STRETCH = 4096  # rows of a table per compressed block


def write_slp(rows: Rows, path: Path, times: Path) -> None:
    """Predicted instances, one track per subject; frames without any are there, and empty."""
    _lay_out(rows, path)  # first, as it needs sleap-io, which brings h5py
    import h5py

    with h5py.File(path, "r+") as file:
        patterns = {name: _empty(file, name) for name in TABLES}
        for chunk in rows:
            _append(file, patterns, chunk)
    write_times(rows, times)


def _lay_out(rows: Rows, path: Path) -> None:
    """Skeleton, tracks and video, and one frame with an instance of each track."""
    import sleap_io as sio

    skeleton = _skeleton(rows)
    video = sio.Video(filename=rows.shown or "unknown", open_backend=False)
    tracks = [sio.Track(name) for name in rows.names]
    place = np.zeros((len(rows.skeleton.keypoints), 2))
    instances = [
        sio.PredictedInstance.from_numpy(place, skeleton=skeleton, track=track) for track in tracks
    ]
    frame = sio.LabeledFrame(video=video, frame_idx=0, instances=instances)
    labels = sio.Labels(labeled_frames=[frame], videos=[video], skeletons=[skeleton], tracks=tracks)
    labels.save(str(path), embed=False, verbose=False)


def _skeleton(rows: Rows) -> Any:
    import sleap_io as sio

    own = rows.skeleton
    pairs = [[own.keypoints[a], own.keypoints[b]] for a, b in own.mirror]
    return sio.Skeleton(
        nodes=list(own.keypoints),
        edges=[list(edge) for edge in own.edges],
        symmetries=pairs,
        name=own.name,
    )


def _empty(file: Any, name: str) -> NDArray[np.void]:
    """Put an empty table that can grow in a table's place; the first row of that, as (1,)."""
    pattern: NDArray[np.void] = file[name][:1]
    del file[name]
    file.create_dataset(
        name, (0,), pattern.dtype, maxshape=(None,), chunks=(STRETCH,), compression="gzip"
    )
    return pattern


def _append(file: Any, patterns: dict[str, NDArray[np.void]], chunk: Chunk) -> None:
    seen = len(file["instances"])
    there = np.isfinite(chunk.confidence).any(axis=-1)  # (n, S)
    row, column = np.nonzero(there)  # of the m instances
    points, confidence = chunk.points[there], chunk.confidence[there]  # (m, K, 2), (m, K)
    ends = seen + there.sum(axis=1).cumsum()
    frames = patterns["frames"].repeat(len(chunk))
    frames["frame_id"] = frames["frame_idx"] = chunk.numbers
    frames["instance_id_start"] = np.concatenate([[seen], ends[:-1]])
    frames["instance_id_end"] = ends
    instances = patterns["instances"].repeat(len(row))
    instances["instance_id"] = np.arange(seen, seen + len(row))
    instances["frame_id"], instances["track"] = chunk.first + row, column
    instances["score"] = chunk.scores[there]
    instances["point_id_start"] = instances["instance_id"] * confidence.shape[1]
    instances["point_id_end"] = instances["point_id_start"] + confidence.shape[1]
    places = patterns["pred_points"].repeat(confidence.size)
    places["x"], places["y"] = points.reshape(-1, 2).T
    places["score"] = confidence.ravel()
    places["visible"] = np.isfinite(confidence.ravel())
    for name, table in zip(TABLES, (frames, instances, places), strict=True):
        start = len(file[name])
        file[name].resize(start + len(table), axis=0)
        file[name][start:] = table
