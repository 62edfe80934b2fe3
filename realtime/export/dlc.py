"""DeepLabCut's tables of predictions: CSV, and the same in HDF5.

No times in them: a column more, or times as the index, and readers fail or load nonsense. The
times are in the sidecar.
"""

import re
from itertools import product
from pathlib import Path

from realtime.export.rows import Rows
from realtime.export.tables import VALUES, write_times

KEY = "df_with_missing"


def write_csv(rows: Rows, path: Path, times: Path) -> None:
    """Header rows scorer, (individuals,) bodyparts, coords; then one row per frame.

    A first frame without any value gets one `nan`: pandas takes a first row of empty cells for
    the name of the index.
    """
    levels, columns = _columns(rows)
    line = "%d," + ",".join([VALUES] * (len(columns) // 3)) + "\n"
    empty = "0" + "," * len(columns) + "\n"
    with path.open("w", encoding="utf-8", newline="") as file:
        for level, names in zip(levels, zip(*columns, strict=True), strict=True):
            file.write(",".join([level, *names]) + "\n")
        for chunk in rows:
            table = chunk.triples.reshape(len(chunk), -1).tolist()
            for number, values in zip(chunk.numbers, table, strict=True):
                text = (line % (number, *values)).replace("nan", "")
                file.write("0,nan" + text[2:] if text == empty else text)
    write_times(rows, times)


def write_h5(rows: Rows, path: Path, times: Path) -> None:
    """A pandas table under the key that DeepLabCut uses, columns as in the CSV."""
    import pandas as pd

    levels, columns = _columns(rows)
    index = pd.MultiIndex.from_tuples(columns, names=levels)
    with pd.HDFStore(path, mode="w") as store:
        for chunk in rows:
            table = chunk.triples.reshape(len(chunk), -1).astype("float64")
            frame = pd.DataFrame(table, columns=index, index=list(chunk.numbers))
            store.append(KEY, frame, format="table", index=False)
        store.create_table_index(KEY)
    write_times(rows, times)


def _columns(rows: Rows) -> tuple[list[str], list[tuple[str, ...]]]:
    """Names of the header's levels, and one tuple of their values per column."""
    return list(_levels(rows)), list(product(*_levels(rows).values()))


def _levels(rows: Rows) -> dict[str, list[str]]:
    levels = {"scorer": [scorer(rows)]}
    if len(rows.subjects) > 1:
        levels["individuals"] = rows.names
    levels["bodyparts"] = list(rows.skeleton.keypoints)
    levels["coords"] = ["x", "y", "likelihood"]
    return levels


def scorer(rows: Rows) -> str:
    """What DeepLabCut calls who found the points: `DLC_` and the model's name."""
    return "DLC_" + re.sub(r"[^A-Za-z0-9-]", "-", rows.model)
