import errno
import hashlib
import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from time import monotonic_ns

import numpy as np
import pytest
from doubles import FakeLive, FakeSink, FakeTracker, frames, numbered
from streaming import until

from engines.fake import FakeEngine
from realtime import recorder as module
from realtime import writer
from realtime.frame import Pose, State
from realtime.gap import Gap
from realtime.loop import run
from realtime.memory import Memory
from realtime.recorder import Recorder, describe_model
from realtime.session import SessionError, open_session
from realtime.timing import Timings
from realtime.verdict import validate
from realtime.video import open_video


@pytest.fixture
def start(tmp_path, mouse_skeleton):
    """Begins a recording of a file, or of a camera."""

    def start(source=None, **facts):
        source = source or Memory([numbered(0)], fps=25, name="clip.mp4")
        return Recorder(tmp_path / "s", source, mouse_skeleton, **facts)

    return start


def record(recorder, how_many):
    for frame in frames(how_many):
        recorder.take(frame, FakeTracker().pose, Timings())


def test_a_recording_is_read_back(start, mouse_skeleton):
    before = monotonic_ns()
    recorder = start(model={"name": "m"}, options={"smooth": True})
    source = Memory([numbered(i) for i in range(30)])
    run(source, FakeTracker(), [recorder])
    session = open_session(recorder.path)
    records = list(session)
    assert [record.frame for record in records] == list(range(30))
    assert np.all(np.diff([record.time_ns for record in records]) > 0)
    assert all(0 <= record.latency_ms < 60_000 for record in records)
    assert np.allclose(records[0].subjects[0].raw_px, FakeTracker().pose.raw_px, atol=0.006)
    assert session.skeleton == mouse_skeleton
    facts = session.facts
    about = {"name": "clip.mp4", "live": False, "size": [64, 48], "fps": 25, "camera": None}
    assert facts["source"] == about
    assert (facts["model"], facts["options"]) == ({"name": "m"}, {"smooth": True})
    assert before <= facts["clock"]["monotonic_ns"] <= monotonic_ns()
    assert datetime.fromisoformat(facts["clock"]["wall"]).tzinfo is not None
    assert (facts["end"]["frames"], facts["end"]["lost"]) == (30, 0)


FILES = ["events.jsonl", "poses.jsonl", "session.json"]


def test_the_folder_holds_its_files_and_nothing_is_left_beside_it(start, tmp_path):
    recorder = start()
    assert sorted(file.name for file in recorder.path.iterdir()) == FILES
    assert not open_session(recorder.path).closed
    recorder.close()
    recorder.close()
    assert sorted(file.name for file in recorder.path.iterdir()) == FILES
    assert [file.name for file in tmp_path.iterdir()] == ["s"]


class Watched:
    """A raw file that calls `before` ahead of every write."""

    def __init__(self, file, before):
        self._file, self._before = file, before

    def write(self, data):
        self._before(data)
        return self._file.write(data)

    def __getattr__(self, name):
        return getattr(self._file, name)


def watch(recorder, before):
    """Stand between the recorder and the file of its poses."""
    journal = recorder._writer._poses
    journal._file = Watched(journal._file, before)


def test_whatever_was_taken_is_on_disk_without_another_frame(start):
    """The writer flushes as soon as nothing waits: seen from outside, with no close."""
    recorder = start()
    flushed = threading.Event()
    watch(recorder, lambda data: flushed.set())
    record(recorder, 1)
    assert flushed.wait(10)
    while not recorder.written:
        threading.Event().wait(0.001)
    assert [record.frame for record in open_session(recorder.path)] == [0]
    recorder.close()


def test_an_existing_session_is_not_overwritten(start, tmp_path):
    start().close()
    before = (tmp_path / "s/session.json").read_bytes()
    with pytest.raises(SessionError, match="exists already"):
        start()
    assert (tmp_path / "s/session.json").read_bytes() == before


def test_a_place_that_cannot_be_written(tmp_path, mouse_skeleton):
    (tmp_path / "file").touch()
    with pytest.raises(SessionError, match="file/s: cannot be created"):
        Recorder(tmp_path / "file/s", Memory([numbered(0)]), mouse_skeleton)


class FullAfter:
    """A disk with room for so many bytes."""

    def __init__(self, room):
        self.room = room

    def __call__(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_does_not_stop_the_loop_and_is_said_once(start, caplog):
    recorder = start()
    watch(recorder, FullAfter(2000))
    sink = FakeSink()
    source = Memory([numbered(0)], repeat=3000)  # more than the queue holds
    with pytest.raises(SessionError, match=r"recording stopped.*No space left.*make room"):
        run(source, FakeTracker(), [recorder, sink])
    assert len(sink.taken) == 3000
    assert caplog.text.count("No space left") == 1
    assert recorder.notice == "recording stopped: No space left on device"
    session = open_session(recorder.path)
    assert len(list(session)) == recorder.written
    end = session.facts["end"]
    assert end["lost"] == recorder.lost > 0
    assert end["error"] == "No space left on device"
    assert recorder.written + recorder.lost == 3000
    verdict = validate(recorder.path)
    assert verdict.problems == []
    assert verdict.captured == 3000


def test_the_user_sees_it_as_long_as_it_lasts(start):
    recorder = start()
    watch(recorder, FullAfter(0))
    stats = Timings()
    [frame] = frames(1)
    for _ in range(1000):
        recorder.take(frame, FakeTracker().pose, stats)
        if stats.notice:
            break
        threading.Event().wait(0.01)
    assert stats.notice == "recording stopped: No space left on device"
    with pytest.raises(SessionError):
        recorder.close()


def test_a_folder_that_is_deleted_is_noticed(start, monkeypatch):
    monkeypatch.setattr(writer, "CHECK_NS", -1)
    recorder = start()
    rmtree(recorder.path)
    record(recorder, 3)
    with pytest.raises(SessionError, match="the session was deleted"):
        recorder.close()


def test_a_folder_that_is_deleted_at_the_very_end_is_noticed(start):
    recorder = start()
    rmtree(recorder.path)
    with pytest.raises(SessionError, match="recording stopped"):
        recorder.close()


def test_a_disk_that_is_full_at_the_very_end(start, monkeypatch):
    """The last lines are flushed after the writer was told to end; closing goes on."""
    monkeypatch.setattr(writer, "FLUSH_NS", 10**18)
    recorder = start()
    go_on = threading.Event()
    monkeypatch.setattr(writer.Writer, "_write", after(go_on, writer.Writer._write))
    watch(recorder, FullAfter(0))
    record(recorder, 3)
    closing = threading.Thread(target=pytest.raises, args=(SessionError, recorder.close))
    closing.start()
    while not recorder._writer._queue.qsize():
        threading.Event().wait(0.001)
    go_on.set()
    closing.join()
    assert open_session(recorder.path).facts["end"]["error"] == "No space left on device"


def after(event, function):
    def wait(*arguments):
        event.wait()
        return function(*arguments)

    return wait


def test_a_mistake_in_the_writer_reaches_the_owner(start, monkeypatch):
    def fail(record):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(module.Record, "to_line", fail)
    recorder = start()
    record(recorder, 1)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        recorder.close()


def test_a_camera_never_waits_for_the_disk_and_losses_are_counted(start, monkeypatch):
    monkeypatch.setattr(writer, "QUEUE", 4)
    recorder = start(FakeLive())
    go_on, stuck = threading.Event(), threading.Event()

    def slow(data):
        stuck.set()
        go_on.wait()

    watch(recorder, slow)
    given = [replace(frame, index=2 * frame.index, dropped=1) for frame in frames(12)]
    given[0] = replace(given[0], dropped=0)
    stats = Timings()
    recorder.take(given[0], FakeTracker().pose, stats)
    assert stuck.wait(10)
    for frame in given[1:11]:  # four of them fit
        recorder.take(frame, FakeTracker().pose, stats)
    assert recorder.lost == 6
    assert stats.notice == "recording: 6 poses lost"
    go_on.set()
    while recorder.written < 5:
        threading.Event().wait(0.001)
    recorder.take(given[11], FakeTracker().pose, stats)
    recorder.close()
    session = open_session(recorder.path)
    records = list(session)
    assert [record.frame for record in records] == [0, 2, 4, 6, 8, 22]
    assert (records[-1].lost, records[-1].dropped) == (6, 7)
    end = session.facts["end"]
    assert [end[name] for name in ("frames", "lost", "dropped", "captured")] == [6, 6, 11, 23]
    assert validate(recorder.path).problems == []


def test_events_are_recorded_and_marks_are_at_their_frame(start):
    recorder = start(FakeLive())
    states = [State.SEARCH, State.TRACK, State.TRACK, State.COAST, State.SEARCH, State.TRACK]
    for frame, state in zip(frames(6), states, strict=True):
        if frame.index == 2:
            recorder.mark(frame, "lever")
        later = replace(frame, time_ns=frame.time_ns + 10**9) if frame.index == 5 else frame
        recorder.take(later, Pose(state), Timings())
    recorder.mark(frames(6)[5])
    recorder.close()
    seen = [(event.kind, event.frame, event.text) for event in open_session(recorder.path).events()]
    assert seen == [
        ("found", 1, ""),
        ("mark", 2, "lever"),
        ("lost", 4, ""),
        ("gap", 5, "1.033 s, 0 frames dropped"),
        ("found", 5, ""),
        ("mark", 5, ""),
    ]


def test_a_lost_camera_is_on_disk_at_once_and_in_the_ledger(start):
    recorder, gap = start(FakeLive()), Gap(since_ns=0, reason="unplugged")
    first, second, third, fourth = frames(4, step_ns=2_000_000_000)
    pose, stats = FakeTracker().pose, Timings()
    recorder.take(first, pose, stats)
    recorder.gone(gap, stats)
    until(lambda: '"lost camera"' in (recorder.path / "events.jsonl").read_text())  # still gone
    recorder.gone(gap, stats)
    for frame in (second, third):
        recorder.take(frame, pose, stats)
    recorder.gone(gap, stats)
    recorder.take(fourth, pose, stats)
    recorder.close()
    session = open_session(recorder.path)
    assert session.facts["end"]["gaps"] == {"count": 2, "seconds": 4.0}
    kinds = [(event.kind, event.frame, event.text) for event in session.events()]
    there, gone = ("found", 0, ""), ("lost camera", 0, "unplugged")
    assert kinds[:4] == [there, gone, ("gap", 1, "2.000 s, 0 frames dropped"), ("found", 1, "")]
    assert [record.frame for record in session] == [0, 1, 2, 3]  # no line was made up
    verdict = validate(recorder.path)
    assert verdict.valid, verdict.problems
    assert verdict.events["lost camera"] == 2


def test_losses_of_the_camera_that_the_events_lack_are_noticed(start):
    recorder = start(FakeLive())
    record(recorder, 2)
    recorder.close()
    file = recorder.path / "session.json"
    facts = json.loads(file.read_text())
    facts["end"]["gaps"] = {"count": 1, "seconds": 1.0}
    file.write_text(json.dumps(facts))
    [problem] = validate(recorder.path).problems
    assert problem == "the end notes 1 losses of the camera, there are 0"


def test_the_model_is_described_by_what_it_is(tmp_path, mouse_card):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")
    facts = describe_model(FakeEngine(mouse_card, lambda crops: None), path)
    assert facts["sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert (facts["file"], facts["engine"], facts["precision"]) == ("model.onnx", "fake", "none")
    assert facts["card"]["name"] == "blob-mouse4"
    json.dumps(facts, allow_nan=False)


@pytest.fixture
def recording(tmp_path):
    """A process that records; its reports are lines of (index, time)."""
    script = Path(__file__).with_name("recording.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("after", [1, 30, 101])
def test_a_kill_loses_at_most_the_last_tenth_of_a_second(recording, tmp_path, after):
    reports = [recording.stdout.readline() for _ in range(after)]
    killed = monotonic_ns()
    recording.kill()
    reports += recording.communicate()[0].splitlines()
    complete = [line.split() for line in reports if len(line.split()) == 2]
    due = [int(index) for index, time_ns in complete if int(time_ns) < killed - 100_000_000]
    session = open_session(tmp_path / "session")
    recorded = [record.frame for record in session]
    assert recorded == list(range(len(recorded)))
    assert set(due) <= set(recorded)
    assert not session.closed


def test_ctrl_c_closes_the_session_and_the_video(recording, tmp_path):
    for _ in range(30):
        recording.stdout.readline()
    recording.send_signal(signal.SIGINT)
    output, errors = recording.communicate()
    assert (output.splitlines()[-1], errors, recording.returncode) == ("interrupt", "", 0)
    session = open_session(tmp_path / "session")
    assert len(list(session)) == session.facts["end"]["frames"] >= 30
    assert session.closed
    with open_video(tmp_path / "video.mp4") as video:
        assert len(list(video)) >= 20
