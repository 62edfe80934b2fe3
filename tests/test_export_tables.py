"""CSV, long and wide, and Parquet, read with the standard library, pandas and pyarrow."""

import csv
import json

import numpy as np
import pytest
from made_session import COUNT, LOST, made_session, made_time_ns, truth

from engines import Skeleton
from realtime.export.formats import export


@pytest.fixture(params=[(0,), (0, 3)], ids=["one", "two"])
def session(request, tmp_path, mouse_skeleton):
    path = made_session(tmp_path / "s", mouse_skeleton, subjects=request.param)
    return path, request.param


def number(text: str) -> float:
    return float(text) if text else np.nan


def test_the_long_table_has_a_row_for_every_point(session, mouse_skeleton):
    path, subjects = session
    with export(path, "csv")[0].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == COUNT * len(subjects) * 4
    truths = {subject: truth(mouse_skeleton, subject=subject) for subject in subjects}
    for row in rows:
        frame, k = int(row["frame"]), mouse_skeleton.keypoints.index(row["keypoint"])
        points, confidence = truths[int(row["subject"])]
        found = [number(row[name]) for name in ("x", "y", "confidence")]
        true = [*points[frame, k], confidence[frame, k]]
        assert np.allclose(found, true, atol=0.006, equal_nan=True)
        assert row["time_ns"] == ("" if frame in LOST else str(made_time_ns(frame)))


def check_wide(table, subjects, skeleton):
    assert table["frame"].tolist() == np.repeat(range(COUNT), len(subjects)).tolist()
    for subject in subjects:
        own = table[table["subject"] == subject]
        points, confidence = truth(skeleton, subject=subject)
        for k, name in enumerate(skeleton.keypoints):
            x, y = own[f"{name}_x"], own[f"{name}_y"]
            assert np.allclose(x, points[:, k, 0], atol=0.006, equal_nan=True)
            assert np.allclose(y, points[:, k, 1], atol=0.006, equal_nan=True)
            sure = own[f"{name}_confidence"]
            assert np.allclose(sure, confidence[:, k], atol=0.0006, equal_nan=True)
        assert own["time_s"].isna().sum() == len(LOST)
        assert own["time_s"].iloc[1] == 0


@pytest.mark.parametrize("to", ["csv-wide", "parquet"])
def test_pandas_reads_the_wide_table(session, mouse_skeleton, to, monkeypatch):
    pandas = pytest.importorskip("pandas")
    monkeypatch.setattr("realtime.export.rows.CHUNK", 7)
    if to == "parquet":
        pytest.importorskip("pyarrow")
    path, subjects = session
    read = pandas.read_csv if to == "csv-wide" else pandas.read_parquet
    check_wide(read(export(path, to)[0]), subjects, mouse_skeleton)


def test_parquet_has_types_nulls_and_the_skeleton(session, mouse_skeleton):
    parquet = pytest.importorskip("pyarrow.parquet")
    path, subjects = session
    table = parquet.read_table(export(path, "parquet")[0])
    assert str(table.schema.field("time_ns").type) == "int64"
    assert str(table.schema.field("snout_x").type) == "float"
    assert table["time_ns"].null_count == len(LOST) * len(subjects)
    assert table["time_ns"][len(subjects)].as_py() == made_time_ns(1)
    facts = json.loads(table.schema.metadata[b"keycam"])
    assert Skeleton.from_dict(facts["skeleton"]) == mouse_skeleton
