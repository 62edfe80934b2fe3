"""SLEAP's own file, `.slp`, through sleap-io.

sleap-io builds the whole file in memory, so the length is limited; the analysis file (`sleap`) is
not, and SLEAP reads it too.
"""

from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import DataError
from realtime.export.rows import Rows
from realtime.export.tables import write_times

MAX_POINTS = 3_000_000  # of all frames and subjects together: 1 to 2 GB


def write_slp(rows: Rows, path: Path, times: Path) -> None:
    """Predicted instances, one track per subject; frames without any are there, and empty.

    Raises:
        DataError: more than MAX_POINTS points.
    """
    import sleap_io as sio

    points = rows.count * len(rows.subjects) * len(rows.skeleton.keypoints)
    if points > MAX_POINTS:
        raise DataError(
            f"{rows.session.path}: {points} points are too many for .slp, which is made in memory "
            f"(at most {MAX_POINTS}); export to sleap, the analysis file, instead"
        )
    skeleton = _skeleton(rows)
    video = sio.Video(filename=rows.shown or "unknown", open_backend=False)
    tracks = [sio.Track(name) for name in rows.names]
    frames = []
    for chunk in rows:
        for row, number in enumerate(chunk.numbers):
            instances = [
                sio.PredictedInstance.from_numpy(
                    chunk.points[row, column].astype(np.float64),
                    skeleton=skeleton,
                    point_scores=chunk.confidence[row, column].astype(np.float64),
                    score=float(chunk.scores[row, column]),
                    track=track,
                )
                for column, track in enumerate(tracks)
                if np.isfinite(chunk.points[row, column]).any()
            ]
            frames.append(sio.LabeledFrame(video=video, frame_idx=number, instances=instances))
    labels = sio.Labels(labeled_frames=frames, videos=[video], skeletons=[skeleton], tracks=tracks)
    labels.save(str(path), embed=False, verbose=False)
    write_times(rows, times)


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
