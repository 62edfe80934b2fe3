"""Rerun's recording, for its viewer: points, limbs and confidences along time.

The format changes with rerun's releases; keep the session, not this.
"""

from pathlib import Path
from typing import Any

import numpy as np

from realtime.export.rows import Chunk, Rows


def write_rrd(rows: Rows, path: Path) -> None:
    """Points as `subject/<id>`, confidences (NaN where missing) as `subject/<id>/confidence`.

    The timelines are `frame` and `capture_time`. A frame in which a subject was not found, or
    that was lost, clears its points.
    """
    import rerun as rr

    with rr.RecordingStream("keycam", recording_id=rows.session.path.resolve().name) as stream:
        stream.save(path)
        stream.log("subject", _context(rows), static=True)
        for chunk in rows:
            for column, subject in enumerate(rows.subjects):
                _send(stream, rows, chunk, column, f"subject/{subject}")
        stream.flush()


def _context(rows: Rows) -> Any:
    """Names, colours and limbs of the keypoints, as class 0."""
    import rerun as rr

    colors = {end: limb.rgb for limb in rows.skeleton.limbs for end in limb.path}
    return rr.AnnotationContext(
        rr.ClassDescription(
            info=rr.AnnotationInfo(0, rows.skeleton.name),
            keypoint_annotations=[
                rr.AnnotationInfo(k, name, colors.get(k))
                for k, name in enumerate(rows.skeleton.keypoints)
            ],
            keypoint_connections=list(rows.skeleton.edges),
        )
    )


def _send(stream: Any, rows: Rows, chunk: Chunk, column: int, entity: str) -> None:
    import rerun as rr

    found = np.isfinite(chunk.confidence[:, column])  # (n, K)
    counts = found.sum(axis=1)
    points = chunk.points[:, column][found]
    ids = np.broadcast_to(np.arange(found.shape[1], dtype=np.uint16), found.shape)[found]
    indexes = [
        rr.TimeColumn("frame", sequence=np.array(chunk.numbers)),
        rr.TimeColumn("capture_time", duration=(chunk.time_ns - rows.first_ns) / 1e9),
    ]
    shown = rr.Points2D.columns(
        positions=points, class_ids=np.zeros(len(points), np.uint16), keypoint_ids=ids
    )
    stream.send_columns(entity, indexes=indexes, columns=shown.partition(counts))
    values = rr.Scalars.columns(scalars=chunk.confidence[:, column].ravel())
    widths = np.full(len(chunk), found.shape[1])
    stream.send_columns(f"{entity}/confidence", indexes=indexes, columns=values.partition(widths))
