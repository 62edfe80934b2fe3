"""Keypoint tables: CSV files of poses in pixels, read and written."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.skeleton import Skeleton

NAMED = 5  # rows that cannot be used, in a message


@dataclass(frozen=True, eq=False)
class Table:
    """N poses in pixels.

    Attributes:
        points: (N, K, 2) float32, (x, y) pixel indices of the picture; NaN where missing.
        sizes: (N, 2) float32 (width, height), or None where the table does not give them.
        images: the N picture paths as written, relative to the table, or None.
        frames: the N frame numbers in the video that was labelled, or None.
        lines: the N line numbers in the file, or None where it has no lines.
    """

    points: NDArray[np.float32]
    sizes: NDArray[np.float32] | None
    images: list[str] | None
    frames: list[int] | None = None
    lines: list[int] | None = None


def read_table(path: Path, skeleton: Skeleton) -> Table:
    """Read `image` or `width,height`, then `<name>_x,<name>_y` per keypoint of `skeleton`.

    Raises:
        DataError: missing, empty, not such a table, or with other keypoints; names row and column.
    """
    rows, columns = _rows(path)
    wanted = [f"{name}_{axis}" for name in skeleton.keypoints for axis in "xy"]
    _check_columns(path, columns, wanted, skeleton)
    points = np.array([[_number(path, n, row, key) for key in wanted] for n, row in rows])
    points = points.reshape(len(rows), -1, 2).astype(np.float32)
    images = [row["image"] for _, row in rows] if "image" in columns else None
    keys = ("width", "height")
    if not set(keys) <= set(columns):
        return Table(points, None, images, lines=[n for n, _ in rows])
    sizes = np.array([[_length(path, n, row, key) for key in keys] for n, row in rows], np.float32)
    return Table(points, sizes, images, lines=[n for n, _ in rows])


def rows_text(rows: NDArray[np.intp], lines: list[int] | None) -> str:
    """How many poses these are and where they stand: their lines, else their numbers from 1."""
    word = "pose" if lines is None else "line"
    places = [str(row + 1 if lines is None else lines[row]) for row in rows]
    shown = ", ".join(places[:NAMED]) + (" …" if len(places) > NAMED else "")
    poses = "1 pose" if len(rows) == 1 else f"{len(rows)} poses"
    return f"{poses} ({word} {shown})"


def _rows(path: Path) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """The rows with their line numbers, and the column names."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; a keypoint table (CSV) was expected")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable CSV table ({error})") from error
    if not rows:
        raise DataError(f"{path}: the table is empty")
    for line, row in rows:
        if None in row:
            raise DataError(f"{path}: line {line} has more fields than the table has columns")
    return rows, list(reader.fieldnames or [])


def _check_columns(path: Path, columns: list[str], wanted: list[str], skeleton: Skeleton) -> None:
    if twice := [column for column in columns if columns.count(column) > 1]:
        raise DataError(f"{path}: has two columns '{twice[0]}'")
    if "image" not in columns and not {"width", "height"} <= set(columns):
        raise DataError(f"{path}: needs a column 'image', or the columns 'width' and 'height'")
    found = [column for column in columns if column not in ("image", "width", "height")]
    if missing := [column for column in wanted if column not in found]:
        raise DataError(
            f"{path}: has no column '{missing[0]}'; skeleton '{skeleton.name}' has "
            f"{len(skeleton.keypoints)} keypoints, the table {len(found) // 2}"
        )
    if extra := [column for column in found if column not in wanted]:
        raise DataError(
            f"{path}: column '{extra[0]}' is no keypoint of skeleton '{skeleton.name}', which has "
            f"{len(skeleton.keypoints)} keypoints where the table has {len(found) // 2}"
        )


def _number(path: Path, line: int, row: dict[str, str], key: str) -> float:
    text = row.get(key)
    if text is None:
        raise DataError(f"{path}: line {line} is cut off before '{key}'")
    try:
        value = float(text) if text.strip() else float("nan")
    except ValueError:
        raise DataError(f"{path}: line {line}, {key}: '{text[:40]}' is not a number") from None
    if value in (float("inf"), float("-inf")):
        raise DataError(f"{path}: line {line}, {key}: infinite")
    return value


def _length(path: Path, line: int, row: dict[str, str], key: str) -> float:
    value = _number(path, line, row, key)
    if not value > 0:
        raise DataError(f"{path}: line {line}, {key}: must be a number of pixels above 0")
    return value
