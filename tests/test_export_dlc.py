"""DeepLabCut's tables, read with pandas and movement."""

import csv

import numpy as np
import pytest
from made_session import COUNT, LOST, made_session, made_time_ns, truth

from realtime.export.formats import export

SUBJECTS = {"one": (0,), "two": (0, 3)}


@pytest.fixture(params=SUBJECTS)
def subjects(request):
    return SUBJECTS[request.param]


@pytest.fixture
def session(tmp_path, mouse_skeleton, subjects):
    return made_session(tmp_path / "s", mouse_skeleton, subjects=subjects)


def agrees(dataset, skeleton, subjects):
    """What movement read: position (time, space, keypoint, individual)."""
    if len(subjects) > 1:
        names = [f"id_{subject}" for subject in subjects]
        assert dataset.individuals.values.tolist() == names
    assert dataset.keypoints.values.tolist() == list(skeleton.keypoints)
    for column, subject in enumerate(subjects):
        points, confidence = truth(skeleton, subject=subject)
        found = dataset.position.values[..., column].transpose(0, 2, 1)
        assert np.allclose(found, points, atol=0.006, equal_nan=True)
        sure = dataset.confidence.values[..., column]
        assert np.allclose(sure, confidence, atol=0.0006, equal_nan=True)


@pytest.mark.parametrize("to", ["dlc", "dlc-h5"])
def test_movement_reads_it(session, mouse_skeleton, subjects, to):
    load_poses = pytest.importorskip("movement.io.load_poses")
    if to == "dlc-h5":
        pytest.importorskip("tables")
    path, _ = export(session, to)
    agrees(load_poses.from_dlc_file(path, fps=30), mouse_skeleton, subjects)


def test_pandas_reads_the_hdf5(session, mouse_skeleton, subjects, monkeypatch):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    monkeypatch.setattr("realtime.export.rows.CHUNK", 7)
    path, _ = export(session, "dlc-h5")
    table = pandas.read_hdf(path, "df_with_missing")
    levels = ["scorer", "bodyparts", "coords"]
    if len(subjects) > 1:
        levels.insert(1, "individuals")
    assert list(table.columns.names) == levels
    assert table.index.tolist() == list(range(COUNT))
    assert set(table.dtypes) == {np.dtype("float64")}
    assert set(table.columns.get_level_values("scorer")) == {"DLC_made-up"}
    points, _ = truth(mouse_skeleton, subject=subjects[-1])
    own = table["DLC_made-up"]
    if len(subjects) > 1:
        own = own[f"id_{subjects[-1]}"]
    assert np.allclose(own["tailbase"][["x", "y"]], points[:, 3], atol=0.006, equal_nan=True)


def test_pandas_reads_the_csv(session, mouse_skeleton, subjects):
    pandas = pytest.importorskip("pandas")
    path, _ = export(session, "dlc")
    header = list(range(3 if len(subjects) == 1 else 4))
    table = pandas.read_csv(path, header=header, index_col=0)
    assert table.index.tolist() == list(range(COUNT))
    points, confidence = truth(mouse_skeleton)
    one = np.concatenate([points, confidence[..., None]], axis=-1).reshape(COUNT, -1)
    own = table.to_numpy()[:, : one.shape[1]]
    assert np.allclose(own, one, atol=0.006, equal_nan=True)


def test_times_are_in_the_sidecar(session):
    _, times = export(session, "dlc")
    with times.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == list(range(COUNT))
    first = made_time_ns(1)
    for number, row in enumerate(rows):
        if number in LOST:
            assert row["time_ns"] == row["time_s"] == ""
        else:
            assert int(row["time_ns"]) == made_time_ns(number)
            assert float(row["time_s"]) == pytest.approx((made_time_ns(number) - first) / 1e9)
