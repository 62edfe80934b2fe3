"""Plain tables: CSV, long and wide, and Parquet. Empty cells are what is not known.

Times: `time_ns` is the monotonic clock of the recording machine, `time_s` counts from the first
processed frame.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from realtime.export.rows import Chunk, Rows

VALUES = "%.2f,%.2f,%.3f"  # x, y, confidence: as exact as a session holds them


def write_times(rows: Rows, path: Path) -> None:
    """The sidecar: when each frame was captured; empty for frames that were lost."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("frame,time_ns,time_s\n")
        for chunk in rows:
            file.writelines(f"{text}\n" for text in _times(rows, chunk))


def write_long(rows: Rows, path: Path) -> None:
    """One row per frame, subject and keypoint."""
    middles = [
        [f",{subject},{name}," for name in rows.skeleton.keypoints] for subject in rows.subjects
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("frame,time_ns,time_s,subject,keypoint,x,y,confidence\n")
        for chunk in rows:
            for time, subjects in zip(_times(rows, chunk), chunk.triples.tolist(), strict=True):
                for middle, points in zip(middles, subjects, strict=True):
                    for text, values in zip(middle, points, strict=True):
                        line = VALUES % tuple(values)
                        file.write(time + text + line.replace("nan", "") + "\n")


def write_wide(rows: Rows, path: Path) -> None:
    """One row per frame and subject, three columns per keypoint."""
    values = ",".join([VALUES] * len(rows.skeleton.keypoints)) + "\n"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(["frame", "time_ns", "time_s", "subject", *_columns(rows)]) + "\n")
        for chunk in rows:
            flat = chunk.triples.reshape(len(chunk), len(rows.subjects), -1).tolist()
            for time, subjects in zip(_times(rows, chunk), flat, strict=True):
                for subject, row in zip(rows.subjects, subjects, strict=True):
                    text = (values % tuple(row)).replace("nan", "")
                    file.write(f"{time},{subject},{text}")


def write_parquet(rows: Rows, path: Path) -> None:
    """The wide table with types; nulls where the CSV is empty.

    The schema's metadata entry `keycam` is the whole `session.json`, skeleton included.
    """
    import pyarrow as pa
    from pyarrow import parquet

    fields = [("frame", pa.int64()), ("time_ns", pa.int64()), ("time_s", pa.float64())]
    fields += [("subject", pa.int32())] + [(name, pa.float32()) for name in _columns(rows)]
    facts = json.dumps(dict(rows.session.facts), allow_nan=False)
    schema = pa.schema(fields, metadata={"keycam": facts})
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for chunk in rows:
            columns = [
                pa.array(column, kind, mask=mask, from_pandas=True)
                for (column, mask), (_, kind) in zip(_arrays(rows, chunk), fields, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _times(rows: Rows, chunk: Chunk) -> Iterator[str]:
    """`frame,time_ns,time_s` of every frame of a chunk."""
    known = zip(chunk.numbers, chunk.lost.tolist(), chunk.time_ns.tolist(), strict=True)
    for number, lost, time_ns in known:
        time = "," if lost else f"{time_ns},{(time_ns - rows.first_ns) / 1e9:.9f}"
        yield f"{number},{time}"


def _columns(rows: Rows) -> list[str]:
    parts = ("x", "y", "confidence")
    return [f"{name}_{part}" for name in rows.skeleton.keypoints for part in parts]


def _arrays(rows: Rows, chunk: Chunk) -> Iterator[tuple[Any, Any]]:
    """The columns of the wide table, one row per frame and subject, with what is to be null."""
    subjects = len(rows.subjects)
    lost = chunk.lost.repeat(subjects)
    time_ns = chunk.time_ns.repeat(subjects)
    yield np.repeat(chunk.numbers, subjects), None
    yield time_ns, lost
    yield (time_ns - rows.first_ns) / 1e9, lost
    yield np.tile(np.array(rows.subjects, np.int32), len(chunk)), None
    for column in chunk.triples.reshape(len(lost), -1).T:
        yield column, np.isnan(column)
