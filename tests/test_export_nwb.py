"""NWB with ndx-pose, read with pynwb and movement."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from made_session import COUNT, LOST, made_session, made_time_ns, truth
from test_export_dlc import agrees

from engines import DataError
from realtime.export.formats import export
from realtime.session import open_session


@pytest.fixture
def session(tmp_path, mouse_skeleton):
    return made_session(tmp_path / "s", mouse_skeleton)


def test_pynwb_reads_true_times_and_all_the_rest(session, mouse_skeleton, monkeypatch):
    pynwb = pytest.importorskip("pynwb")
    pytest.importorskip("ndx_pose")
    monkeypatch.setattr("realtime.export.rows.CHUNK", 7)
    (path,) = export(session, "nwb")
    points, confidence = truth(mouse_skeleton)
    with pynwb.NWBHDF5IO(path, "r") as io:
        file = io.read()
        estimation = file.processing["behavior"]["PoseEstimation"]
        skeleton = file.processing["behavior"]["Skeletons"].skeletons["mouse4"]
        assert list(skeleton.nodes[:]) == list(mouse_skeleton.keypoints)
        assert skeleton.edges[:].tolist() == [list(edge) for edge in mouse_skeleton.edges]
        assert skeleton.edges.dtype == np.uint8
        assert estimation.skeleton is skeleton
        assert (estimation.scorer, estimation.source_software) == ("made up", "keycam")
        for k, name in enumerate(mouse_skeleton.keypoints):
            series = estimation[name]
            assert series.data.dtype == series.confidence.dtype == np.float32
            assert np.allclose(series.data[:], points[:, k], atol=0.006, equal_nan=True)
            assert np.allclose(series.confidence[:], confidence[:, k], atol=1e-3, equal_nan=True)
            assert (series.unit, series.rate) == ("pixels", None)
            assert "5 frames were lost" in series.comments
            times = np.asarray(series.timestamps)
            there = sorted(set(range(COUNT)) - set(LOST))
            true = [(made_time_ns(number) - made_time_ns(1)) / 1e9 for number in there]
            assert np.allclose(times[there], true, rtol=0, atol=1e-9)
            assert (np.diff(times) > 0).all()
        clock = open_session(session).facts["clock"]
        wall = datetime.fromisoformat(clock["wall"]).astimezone(UTC)
        ahead = timedelta(microseconds=(made_time_ns(1) - clock["monotonic_ns"]) / 1000)
        assert abs(file.session_start_time - wall - ahead) < timedelta(milliseconds=1)


def test_the_file_is_valid_nwb(session):
    pynwb = pytest.importorskip("pynwb")
    pytest.importorskip("ndx_pose")
    # In a process of its own, where nothing has loaded ndx-pose before.
    script = f"from realtime.cli import main; main(['export', {str(session)!r}, '--to', 'nwb'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert pynwb.validate(path=done.stdout.strip()) == []


def test_movement_reads_it(session, mouse_skeleton):
    load_poses = pytest.importorskip("movement.io.load_poses")
    (path,) = export(session, "nwb")
    dataset = load_poses.from_nwb_file(path)
    order = list(mouse_skeleton.keypoints)
    renamed = dataset.sel(keypoints=order).assign_coords(individuals=["id_0"])
    agrees(renamed, mouse_skeleton, (0,))


def test_one_subject_per_file(tmp_path, mouse_skeleton):
    pytest.importorskip("ndx_pose")
    session = made_session(tmp_path / "s", mouse_skeleton, subjects=(0, 1))
    with pytest.raises(DataError, match="has 2 subjects, an NWB file holds one"):
        export(session, "nwb")
