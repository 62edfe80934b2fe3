"""DeepLabCut's tables, labels and predictions alike, from CSV and from HDF5.

pandas stores the names of columns in HDF5 as pickles, and its own reader would run whatever is
inside. Here they are read by an unpickler that knows nothing but lists, tuples, numbers and text.
"""

import csv
import io
import pickle
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.skeleton import Skeleton
from train.foreign import order, table
from train.tables import Table

_Column: TypeAlias = tuple[str, ...]  # scorer, (individual,) bodypart, coordinate
_COORDS = ("x", "y", "likelihood")
_LEVELS = (["scorer", "bodyparts", "coords"], ["scorer", "individuals", "bodyparts", "coords"])
_BROKEN = (OSError, KeyError, ValueError, IndexError, TypeError, AttributeError, RuntimeError)


def is_csv(path: Path) -> bool:
    """Whether a CSV file begins as DeepLabCut's do."""
    try:
        with path.open("rb") as file:
            return file.read(16).removeprefix(b"\xef\xbb\xbf").startswith(b"scorer,")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def read_csv(path: Path, skeleton: Skeleton) -> Table:
    """Read a CSV whose first rows are scorer, (individuals,) bodyparts and coords.

    Raises:
        DataError: it is not such a table, or has other keypoints.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file, strict=True) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable CSV table ({error})") from error
    levels = [row[0] for row in rows[:4]]
    count = 4 if "individuals" in levels else 3
    if levels[:count] not in _LEVELS:
        raise DataError(f"{path}: begins with the rows {', '.join(levels)}; not DeepLabCut's")
    start = next((i for i, cell in enumerate(rows[count - 1]) if cell in _COORDS), 0)
    if len({len(row) for row in rows}) > 1 or not start:
        raise DataError(f"{path}: its rows are not of one length, or it has no coordinates")
    columns = list(zip(*(row[start:] for row in rows[:count]), strict=True))
    try:
        values = np.array(
            [[float(cell or "nan") for cell in row[start:]] for row in rows[count:]], np.float64
        )
    except ValueError as error:
        raise DataError(f"{path}: holds what is not a number ({error})") from error
    index = ["/".join(row[:start]) for row in rows[count:]]
    return _table(path, columns, values.reshape(len(index), len(columns)), index, skeleton)


def read_h5(path: Path, skeleton: Skeleton) -> Table:
    """Read what pandas' `to_hdf` wrote, in its "table" or its "fixed" format.

    Raises:
        DataError: it is not such a file, or has other keypoints.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            group = next(
                (own for own in file.values() if _text(own.attrs.get("pandas_type", ""))), None
            )
            if group is None:
                raise DataError(f"{path}: neither DeepLabCut's nor SLEAP's HDF5")
            kind = _text(group.attrs["pandas_type"])
            columns, values, index = (_from_table if kind == "frame_table" else _from_fixed)(group)
    except (*_BROKEN, pickle.UnpicklingError, EOFError) as error:
        raise DataError(f"{path}: not a table of DeepLabCut's ({error})") from error
    return _table(path, columns, values, index, skeleton)


def _table(
    path: Path,
    columns: list[_Column],
    values: NDArray[np.float64],
    index: list[str],
    skeleton: Skeleton,
) -> Table:
    """The rows of each individual, one after the other."""
    if {len(column) for column in columns} - {3, 4} or not index:
        raise DataError(f"{path}: empty, or its columns are not DeepLabCut's")
    places = {column[1:]: number for number, column in enumerate(columns)}
    parts = []
    for individual in dict.fromkeys(column[1:-2] for column in columns):
        names = list(dict.fromkeys(c[-2] for c in columns if c[1:-2] == individual))
        ordered = [names[k] for k in order(path, names, skeleton)]
        try:
            chosen = [[places[*individual, name, axis] for axis in "xy"] for name in ordered]
        except KeyError as error:
            raise DataError(f"{path}: has no column {error}") from error
        parts.append(values[:, chosen])
    points, index = np.concatenate(parts), index * len(parts)
    if all(entry.isdecimal() for entry in index):
        return table(path, points, frames=[int(entry) for entry in index])
    return table(path, points, images=[_picture(path, entry) for entry in index])


def _picture(path: Path, name: str) -> str:
    """Labels name pictures from their project's folder, and lie beside them."""
    alone = Path(name.replace("\\", "/")).name
    return alone if (path.parent / alone).is_file() else name


def _from_table(group: Any) -> tuple[list[_Column], NDArray[np.float64], list[str]]:
    rows = group["table"][()]
    blocks = [name for name in rows.dtype.names if name.startswith("values_block_")]
    columns = [
        tuple(map(str, column))
        for name in blocks
        for column in _harmless(group["table"].attrs[f"{name}_kind"])
    ]
    values = np.concatenate([rows[name].reshape(len(rows), -1) for name in blocks], axis=1)
    return columns, values.astype(np.float64), [_text(entry) for entry in rows["index"]]


def _from_fixed(group: Any) -> tuple[list[_Column], NDArray[np.float64], list[str]]:
    columns: list[_Column] = []
    blocks = []
    for number in range(int(group.attrs["nblocks"])):
        columns += _entries(group, f"block{number}_items")
        blocks.append(group[f"block{number}_values"][()])
    index = ["/".join(entry) for entry in _entries(group, "axis1")]
    return columns, np.concatenate(blocks, axis=1).astype(np.float64), index


def _entries(group: Any, name: str) -> list[_Column]:
    """An index of pandas, of one level or of several."""
    if _text(group.attrs[f"{name}_variety"]) != "multi":
        return [(_text(entry),) for entry in group[name][()]]
    levels = []
    for number in range(int(group.attrs[f"{name}_nlevels"])):
        words = [_text(word) for word in group[f"{name}_level{number}"][()]]
        levels.append([words[k] for k in group[f"{name}_label{number}"][()]])
    return list(zip(*levels, strict=True))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class _Harmless(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it wants to run {module}.{name}")


def _harmless(text: Any) -> Any:
    """A pickle of plain values; nothing is imported or called, whatever it says."""
    return _Harmless(io.BytesIO(bytes(text))).load()
