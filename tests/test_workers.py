import json
import logging
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_archive import clip

from realtime.archive import Options, do, plan
from realtime.cli import main
from realtime.session import open_session
from realtime.workers import DIED, Process, record_all


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    for number in range(3):
        clip(folder / f"{number}.avi", frames=8, start=40 + 10 * number)
    return folder


def found(session):
    """All that is found in a session's frames; times and latencies are of the moment."""
    return [
        (own.frame, own.state, own.roi, [s.keypoints_px.tolist() for s in own.subjects])
        for own in open_session(session)
    ]


@pytest.fixture
def alone(clips, tmp_path, blob_path):
    """What one process makes of the clips, by name."""
    jobs = plan([str(clips)], tmp_path / "alone", Options(model=str(blob_path)))
    return {job.name: found(do(job).session) for job in jobs}


def test_processes_make_what_one_process_makes(clips, tmp_path, blob_path, alone, caplog):
    caplog.set_level(logging.INFO)
    (clips / "bad.avi").write_bytes(b"RIFF" + bytes(100))
    own = Options(model=str(blob_path))
    archive = record_all([str(clips)], tmp_path / "out", own, workers=2)
    assert [outcome.status for outcome in archive.outcomes] == ["recorded"] * 3 + ["failed"]
    assert {name: found(tmp_path / "out" / name) for name in alone} == alone
    assert (archive.frames, archive.failed, archive.workers) == (24, 1, 2)
    assert archive.worker_fps > 0
    assert "3 recorded, 0 skipped, 1 failed" in archive.to_text()
    assert "4/4" in caplog.text
    again = record_all([str(clips)], tmp_path / "out", own, workers=1)
    assert [outcome.status for outcome in again.outcomes] == ["skipped"] * 3 + ["failed"]
    assert (again.frames, again.worker_fps) == (0, 0)


def kill_me(pid: int) -> Options:
    os.kill(os.getpid(), signal.SIGKILL)
    return Options()


class Killer:
    def __reduce__(self):
        return kill_me, (0,)


def test_a_job_that_kills_its_process_fails_alone(clips, tmp_path, blob_path):
    jobs = plan([str(clips)], tmp_path / "out", Options(model=str(blob_path)))
    process = Process()
    try:
        killed = process.do(replace(jobs[0], options=Killer()))
        assert (killed.status, killed.message) == ("failed", DIED)
        assert process.do(jobs[1]).status == "recorded"
    finally:
        process.close()


@pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning:ray[.]data[.]context")
@pytest.mark.filterwarnings("ignore:.* is deprecated:UserWarning:ray[.]data[.]context")
def test_a_cluster_makes_what_one_process_makes(clips, tmp_path, blob_path, alone):
    pytest.importorskip("ray.data")
    (clips / "bad.avi").write_bytes(b"RIFF" + bytes(100))
    own = Options(model=str(blob_path))
    archive = record_all([str(clips)], tmp_path / "out", own, workers=1, ray="local")
    assert [outcome.status for outcome in archive.outcomes] == ["recorded"] * 3 + ["failed"]
    assert {name: found(tmp_path / "out" / name) for name in alone} == alone


def test_the_command_reports_and_fails_when_a_file_did(clips, tmp_path, blob_path):
    (clips / "bad.avi").write_bytes(b"RIFF" + bytes(100))
    command = ["record", str(clips), "-o", str(tmp_path / "out"), "-m", str(blob_path)]
    done = CliRunner().invoke(main, [*command, "--workers", "1", "--json", "-"])
    assert done.exit_code == 1, done.output
    table = json.loads(done.stdout)
    assert (table["frames"], table["workers"], len(table["files"])) == (24, 1, 4)
    assert table["worker_fps"] > 0
    assert "bad.avi" in done.stderr


def test_the_command_with_one_file_and_workers_makes_an_archive(clips, tmp_path, blob_path):
    out = tmp_path / "out"
    command = ["record", str(clips / "0.avi"), "-o", str(out), "-m", str(blob_path), "--workers=1"]
    done = CliRunner().invoke(main, [*command, "--raw", "--frames", "3"])
    assert done.exit_code == 0, done.output
    assert len(found(out / "0")) == 3
    assert "1 recorded" in done.stdout


def test_overlays_are_for_one_source(clips, tmp_path):
    command = ["record", str(clips), "-o", str(tmp_path / "out"), "--overlay", "a.mp4"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    assert "--overlay is for one source" in done.stderr


def test_nothing_there_is_one_line(tmp_path):
    done = CliRunner().invoke(main, ["record", str(tmp_path / "*.mp4"), "-o", str(tmp_path / "o")])
    assert done.exit_code == 2
    assert "no video and no pictures there" in done.stderr
    assert not Path(tmp_path / "o").exists()
