"""Neurodata Without Borders with ndx-pose: true timestamps, one series per keypoint.

The file is laid out first, empty, and then filled frame by frame, so its length does not matter.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from engines.errors import DataError
from realtime.export.rows import Rows

SERIES = "processing/behavior/PoseEstimation"
STRETCH = 4096  # frames per block


def write_nwb(rows: Rows, path: Path) -> None:
    """`/processing/behavior` with `Skeletons` and `PoseEstimation`.

    Timestamps are seconds since the first processed frame, when the session starts. NWB wants a
    time for every row: frames that were lost get one evenly between their neighbours' and NaN for
    values; the series' comments say so.

    Raises:
        DataError: more than one subject; NWB files hold one.
    """
    import h5py
    import pynwb

    if len(rows.subjects) > 1:
        raise DataError(
            f"{rows.session.path}: has {len(rows.subjects)} subjects, an NWB file holds one; "
            "export to sleap, dlc or parquet instead"
        )
    laid_out = _laid_out(rows)  # before the file is opened: pynwb must know ndx-pose by then
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(laid_out)
    with h5py.File(path, "r+") as file:
        _fill(file, rows)


def _fill(file: Any, rows: Rows) -> None:
    names = rows.skeleton.keypoints
    series = [file[f"{SERIES}/{name}"] for name in names]
    times = series[0]["timestamps"]
    for chunk in rows:
        place = slice(chunk.first, chunk.first + len(chunk))
        times[place] = (chunk.time_ns - rows.first_ns) / 1e9
        for k, own in enumerate(series):
            own["data"][place] = chunk.points[:, 0, k]
            own["confidence"][place] = chunk.confidence[:, 0, k]


def _laid_out(rows: Rows) -> Any:
    """The file with all it says, its arrays allocated and empty."""
    import pynwb
    from ndx_pose import PoseEstimation, Skeleton, Skeletons

    own, facts = rows.skeleton, rows.session.facts
    skeleton = Skeleton(
        name=own.name, nodes=list(own.keypoints), edges=np.array(own.edges, np.uint8)
    )
    estimation = PoseEstimation(
        name="PoseEstimation",
        pose_estimation_series=_series(rows),
        description=f"keypoints of {rows.shown or 'a video'}",
        scorer=rows.model,
        source_software="keycam",
        source_software_version=facts["keycam"],
        skeleton=skeleton,
    )
    file = pynwb.NWBFile(
        session_description=f"keypoints found by {rows.model}",
        identifier=str(uuid4()),
        session_start_time=_start(rows),
    )
    behavior = file.create_processing_module("behavior", "keypoints found in video")
    behavior.add(Skeletons(skeletons=[skeleton]))
    behavior.add(estimation)
    return file


def _series(rows: Rows) -> list[Any]:
    from ndx_pose import PoseEstimationSeries

    comments = "raw as found" if rows.raw else "smoothed over time"
    if rows.lost:
        comments += (
            f"; {rows.lost} frames were lost: their values are NaN and their times interpolated"
        )
    series: list[Any] = []
    for name in rows.skeleton.keypoints:
        series.append(
            PoseEstimationSeries(
                name=name,
                data=_empty((rows.count, 2)),
                confidence=_empty((rows.count,)),
                confidence_definition="the model's own, from 0 to 1",
                reference_frame="(0, 0) is the centre of the top-left pixel; x right, y down",
                unit="pixels",
                timestamps=series[0] if series else _empty((rows.count,), np.float64),
                comments=comments,
            )
        )
    return series


def _empty(shape: tuple[int, ...], kind: type[np.floating[Any]] = np.float32) -> Any:
    from hdmf.backends.hdf5 import H5DataIO

    chunks = (min(STRETCH, shape[0]), *shape[1:])
    return H5DataIO(
        shape=shape, dtype=np.dtype(kind), chunks=chunks, compression="gzip", fillvalue=np.nan
    )


def _start(rows: Rows) -> datetime:
    """When the first processed frame was captured, by the session's clock anchor."""
    clock = rows.session.facts["clock"]
    try:
        wall = datetime.fromisoformat(clock["wall"]).astimezone(UTC)
        return wall + timedelta(microseconds=(rows.first_ns - clock["monotonic_ns"]) // 1000)
    except OverflowError as error:
        raise DataError(
            f"{rows.session.path}: its clock is beyond the calendar ({error})"
        ) from error
