import json
import subprocess
import sys

import pytest
from doubles import FakeTracker, frames

from realtime import session as module
from realtime.memory import Memory
from realtime.recorder import Recorder
from realtime.session import SessionError, open_session
from realtime.timing import Timings


@pytest.fixture
def session(tmp_path, mouse_skeleton):
    """The path of a closed recording of three frames."""
    recorder = Recorder(tmp_path / "s", Memory([frames(1)[0].image]), mouse_skeleton)
    for frame in frames(3):
        recorder.take(frame, FakeTracker().pose, Timings())
    recorder.close()
    return tmp_path / "s"


def edit(path, **changes):
    facts = json.loads((path / "session.json").read_text())
    facts.update(changes)
    (path / "session.json").write_text(json.dumps(facts))


def test_a_session_is_read_as_often_as_wanted(session, mouse_skeleton):
    opened = open_session(session)
    for _ in range(2):
        assert [record.frame for record in opened] == [0, 1, 2]
    assert opened.skeleton == mouse_skeleton
    assert opened.closed
    assert not opened.truncated


@pytest.mark.parametrize("cut", [1, 2, 50])
def test_a_last_line_cut_off_is_left_out_and_reported(session, cut, caplog):
    poses = session / "poses.jsonl"
    poses.write_bytes(poses.read_bytes()[:-cut])
    opened = open_session(session)
    assert [record.frame for record in opened] == [0, 1]
    assert opened.truncated
    assert "poses.jsonl:3: the last line is cut off" in caplog.text


def test_any_other_bad_line_is_refused_by_number(session):
    poses = session / "poses.jsonl"
    lines = poses.read_bytes().splitlines(keepends=True)
    poses.write_bytes(lines[0] + lines[1][:40] + b"\n" + lines[2])
    with pytest.raises(SessionError, match=r"poses\.jsonl:2: not valid JSON"):
        list(open_session(session))


def test_a_line_without_end_is_not_read_into_memory(session, monkeypatch):
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 100)
    with pytest.raises(SessionError, match=r"poses\.jsonl:1: longer than 100 bytes"):
        list(open_session(session))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": "keycam.session/2"}, "schema is not keycam.session/1"),
        ({"surplus": 1}, "unknown entry 'surplus'"),
        ({"skeleton": {"name": "x"}}, "'keypoints' is missing"),
    ],
)
def test_facts_that_are_not_what_they_should_be(session, changes, message):
    edit(session, **changes)
    with pytest.raises(SessionError, match=message):
        open_session(session)


def test_what_is_no_session(tmp_path, session):
    with pytest.raises(SessionError, match="no session there"):
        open_session(tmp_path / "none")
    (session / "session.json").write_text("{")
    with pytest.raises(SessionError, match=r"session\.json: not valid JSON"):
        open_session(session)
    (session / "session.json").write_text(" " * (module.MAX_FACTS_BYTES + 1))
    with pytest.raises(SessionError, match="larger than"):
        open_session(session)


def test_a_stream_that_is_gone(session):
    (session / "poses.jsonl").unlink()
    with pytest.raises(SessionError, match="cannot be read"):
        list(open_session(session))


def test_records_of_another_skeleton_are_refused(session, face_skeleton):
    edit(session, skeleton=face_skeleton.to_dict())
    with pytest.raises(SessionError, match=r"poses\.jsonl:1: .*where \(68, 2\) is due"):
        list(open_session(session))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": []}, "'model' in facts is list"),
        ({"clock": {"monotonic_ns": 1}}, "'wall' is missing"),
        ({"clock": {"monotonic_ns": 1, "wall": "2026-01-01"}}, "not an ISO 8601 time"),
        ({"clock": {"monotonic_ns": -1, "wall": ""}}, "'monotonic_ns': -1 is not"),
        ({"source": {"name": "x", "live": 1, "size": [1, 2], "fps": None}}, "'live' in source"),
        ({"source": {"name": "x", "live": True, "size": [1], "fps": None}}, "width and a height"),
        ({"source": {"name": "x", "live": True, "size": [1, 2], "fps": "9"}}, "fps is not a numb"),
        ({"source": {"name": "x", "live": True, "size": [1, 0], "fps": 9}}, "width and a height"),
        ({"source": {"name": "x", "live": True, "size": [1, 2], "fps": 0}}, "fps is not a numb"),
        ({"video": {"file": 3, "codec": "", "lossless": True}}, "'file' in video is int"),
        ({"end": None}, "'end' in facts is NoneType"),
    ],
)
def test_ill_typed_facts_are_refused_by_name(session, changes, message):
    edit(session, **changes)
    with pytest.raises(SessionError, match=message):
        open_session(session)


def test_open_is_its_name_too_and_needs_no_engine(session):
    assert module.open is open_session
    script = "import sys, realtime.session; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"onnxruntime", "av", "click", "torch"} & set(ran.stdout.split()) == set()
