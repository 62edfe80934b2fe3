"""SLEAP's analysis file and `.slp`, read with h5py, sleap-io and movement."""

import json

import numpy as np
import pytest
from made_session import COUNT, EMPTY, LOST, made_session, truth
from test_export_dlc import agrees

from realtime.export.formats import export

SUBJECTS = {"one": (0,), "two": (0, 3)}


@pytest.fixture(params=SUBJECTS)
def subjects(request):
    return SUBJECTS[request.param]


@pytest.fixture
def session(tmp_path, mouse_skeleton, subjects):
    return made_session(tmp_path / "s", mouse_skeleton, subjects=subjects)


def test_the_analysis_file_is_as_sleap_lays_it_out(session, mouse_skeleton, subjects, monkeypatch):
    h5py = pytest.importorskip("h5py")
    monkeypatch.setattr("realtime.export.rows.CHUNK", 7)
    path, _ = export(session, "sleap")
    points, confidence = truth(mouse_skeleton, subject=subjects[-1])
    with h5py.File(path) as file:
        assert file["tracks"].shape == (len(subjects), 2, 4, COUNT)
        assert file["tracks"].dtype == np.float64
        own = file["tracks"][-1].transpose(2, 1, 0)
        assert np.allclose(own, points, atol=0.006, equal_nan=True)
        assert np.allclose(file["point_scores"][-1].T, confidence, atol=0.0006, equal_nan=True)
        missing = sorted({*LOST, *EMPTY})
        assert np.flatnonzero(file["track_occupancy"][:, 0] == 0).tolist() == missing
        assert np.flatnonzero(np.isnan(file["instance_scores"][0])).tolist() == missing
        assert [name.decode() for name in file["node_names"]] == list(mouse_skeleton.keypoints)
        assert file["edge_inds"][()].tolist() == [list(edge) for edge in mouse_skeleton.edges]
        assert file["edge_names"][0].tolist() == [b"snout", b"leftear"]
        assert file["video_path"][()] == b"memory"
        assert file.attrs["preset"] == "matlab"
        assert json.loads(file["tracks"].attrs["dims"]) == ["track", "xy", "node", "frame"]
        assert file["tracks"].compression_opts == 9


@pytest.mark.parametrize("to", ["sleap", "slp"])
def test_movement_reads_it(session, mouse_skeleton, subjects, to):
    load_poses = pytest.importorskip("movement.io.load_poses")
    path, _ = export(session, to)
    agrees(load_poses.from_sleap_file(path, fps=30), mouse_skeleton, subjects)


@pytest.mark.parametrize("to", ["sleap", "slp"])
def test_sleap_io_reads_it(session, mouse_skeleton, subjects, to):
    sleap_io = pytest.importorskip("sleap_io")
    path, _ = export(session, to)
    load = sleap_io.load_slp if to == "slp" else sleap_io.load_analysis_h5
    labels = load(str(path), open_videos=False) if to == "slp" else load(str(path))
    skeleton = labels.skeleton
    assert skeleton.node_names == list(mouse_skeleton.keypoints)
    assert [tuple(edge) for edge in skeleton.edge_inds] == list(mouse_skeleton.edges)
    assert skeleton.name == "mouse4"
    pairs = {frozenset(node.name for node in pair.nodes) for pair in skeleton.symmetries}
    assert pairs == {frozenset({"leftear", "rightear"})}
    assert [track.name for track in labels.tracks] == [f"id_{subject}" for subject in subjects]
    array = labels.numpy(return_confidence=True)
    for column, subject in enumerate(subjects):
        points, confidence = truth(mouse_skeleton, subject=subject)
        assert np.allclose(array[:, column, :, :2], points, atol=0.006, equal_nan=True)
        found = np.isfinite(points[..., 0])
        assert np.allclose(array[:, column, :, 2][found], confidence[found], atol=0.0006)


def test_slp_is_what_sleap_io_would_write(session, mouse_skeleton, tmp_path, monkeypatch):
    """Written chunk by chunk, then read and written again by sleap-io: the same tables."""
    sleap_io, h5py = pytest.importorskip("sleap_io"), pytest.importorskip("h5py")
    monkeypatch.setattr("realtime.export.rows.CHUNK", 7)
    path, _ = export(session, "slp")
    labels = sleap_io.load_slp(str(path), open_videos=False)
    labels.save(str(tmp_path / "again.slp"), embed=False, verbose=False)
    with h5py.File(path) as ours, h5py.File(tmp_path / "again.slp") as theirs:
        for name in ("frames", "instances", "pred_points", "points"):
            assert ours[name].dtype == theirs[name].dtype
            for field in ours[name].dtype.names:
                np.testing.assert_array_equal(ours[name][field], theirs[name][field], field)


def test_slp_of_a_session_in_which_nothing_was_found(tmp_path, mouse_skeleton):
    sleap_io = pytest.importorskip("sleap_io")
    path, _ = export(made_session(tmp_path / "s", mouse_skeleton, subjects=()), "slp")
    labels = sleap_io.load_slp(str(path), open_videos=False)
    assert [len(frame.instances) for frame in labels.labeled_frames] == [0] * COUNT
