"""The plain tables `keycam export` writes of sessions: CSV, long and wide, and Parquet.

Both begin with the columns frame, time_ns, time_s and subject. The long one goes on with keypoint,
x, y and confidence, a row per point; the wide one, and Parquet, with three columns per keypoint.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.skeleton import Skeleton
from train.foreign import order, table
from train.tables import Table

FIRST = ["frame", "time_ns", "time_s", "subject"]
LONG = ["keypoint", "x", "y", "confidence"]
ENDS = ("_x", "_y", "_confidence")  # of a keypoint's columns in a wide table


def is_csv(path: Path) -> bool:
    """Whether a CSV file begins with the columns of an exported session.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64).removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    return start.startswith((",".join(FIRST) + ",").encode())


def read_csv(path: Path, skeleton: Skeleton) -> Table:
    """Read the poses frame by frame; frames are those of the session's source.

    Raises:
        DataError: it is not such a table, or has other keypoints.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file, strict=True) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable CSV table ({error})") from error
    if any(len(row) != len(header) for row in rows):
        raise DataError(f"{path}: its rows are not of one length")
    try:
        if header[len(FIRST) :] == LONG:
            return _long(path, rows, skeleton)
        names, chosen = _columns(path, header, skeleton)
        values = [[float(row[k] or "nan") for k in chosen] for row in rows]
        points = np.array(values, np.float64).reshape(-1, len(names), 2)
        return table(path, points, frames=[int(row[0]) for row in rows])
    except ValueError as error:
        raise DataError(f"{path}: holds what is not a number ({error})") from error


def read_parquet(path: Path, skeleton: Skeleton) -> Table:
    """Read the wide table; its metadata tell the size of the frames.

    Raises:
        DataError: it is not such a table, or has other keypoints.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            header, facts = file.schema_arrow.names, file.schema_arrow.metadata
            names, chosen = _columns(path, header, skeleton)
            read = file.read([header[k] for k in chosen] + [FIRST[0]])
        columns = [read.column(header[k]).to_numpy().astype(np.float64) for k in chosen]
        points = np.stack(columns, axis=1).reshape(-1, len(names), 2)
        frames = read.column(FIRST[0]).to_pylist()
        size = json.loads(facts[b"keycam"])["source"]["size"]
        sizes = np.tile(np.array(size, np.float32).reshape(1, 2), (len(points), 1))
        return table(path, points, frames=frames, sizes=sizes)
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a table of `keycam export` ({error})") from error


def _columns(path: Path, header: Sequence[str], skeleton: Skeleton) -> tuple[list[str], list[int]]:
    """The keypoints of a wide table in the skeleton's order, and the columns of their x and y."""
    own = list(header[len(FIRST) :])
    names = [column.removesuffix(ENDS[0]) for column in own[:: len(ENDS)]]
    due = [name + end for name in names for end in ENDS]
    if [*header[: len(FIRST)], *own] != [*FIRST, *due]:
        raise DataError(f"{path}: its columns are not those of `keycam export`")
    starts = [len(FIRST) + len(ENDS) * k for k in order(path, names, skeleton)]
    return names, [start + axis for start in starts for axis in (0, 1)]


def _long(path: Path, rows: list[list[str]], skeleton: Skeleton) -> Table:
    names = list(dict.fromkeys(row[4] for row in rows))
    order(path, names, skeleton)
    places = {pose: n for n, pose in enumerate(dict.fromkeys((row[0], row[3]) for row in rows))}
    points: NDArray[np.float64] = np.full((len(places), len(names), 2), np.nan)
    for row in rows:
        place = places[row[0], row[3]], skeleton.keypoints.index(row[4])
        points[place] = [float(cell or "nan") for cell in row[5:7]]
    return table(path, points, frames=[int(frame) for frame, _ in places])
