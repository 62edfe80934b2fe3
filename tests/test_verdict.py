import json
import os
import re
import tracemalloc

import cv2
import pytest
from doubles import FakeLive, FakeTracker, frames

from realtime import session as session_module
from realtime.fragments import Fragments
from realtime.memory import Memory
from realtime.recorder import Recorder
from realtime.repair import repair
from realtime.session import SessionError, open_session
from realtime.timing import Timings
from realtime.verdict import validate

HUGE = 10 << 30  # bytes, of holes


def record(path, skeleton, *, close=True, how_many=12):
    recorder = Recorder(path, Memory([frames(1)[0].image]), skeleton, video="lossy")
    for frame in frames(how_many):
        recorder.take(frame, FakeTracker().pose, Timings())
    recorder.close()
    if not close:
        edit(path, end=None)
    return path


@pytest.fixture
def session(tmp_path, mouse_skeleton):
    """The path of a closed recording of twelve frames with a video."""
    return record(tmp_path / "s", mouse_skeleton)


def edit(path, **changes):
    """Change or, with None, remove entries of session.json."""
    facts = {**json.loads((path / "session.json").read_text()), **changes}
    facts = {name: value for name, value in facts.items() if value is not None}
    (path / "session.json").write_text(json.dumps(facts))


def lines_of(path, name="poses.jsonl"):
    return [json.loads(line) for line in (path / name).read_text().splitlines()]


def put_lines(path, lines, name="poses.jsonl"):
    (path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


def problem(path):
    verdict = validate(path)
    assert verdict.valid == (not verdict.problems)
    return "; ".join(verdict.problems)


def test_a_good_session(session):
    verdict = validate(session)
    assert (verdict.valid, verdict.closed, verdict.notes) == (True, True, [])
    assert (verdict.captured, verdict.frames, verdict.lost, verdict.dropped) == (12, 12, 0, 0)
    assert verdict.span_s == pytest.approx(11 * 0.033)
    assert verdict.events == {"found": 1}
    assert verdict.video_frames == 12
    text = verdict.to_text()
    for part in (str(session), "12 = 12 recorded + 0 lost + 0 dropped", "1 found", "12 frames"):
        assert part in text
    assert text.splitlines()[-1] == "valid"


def test_a_session_that_is_recorded_at_this_moment_is_valid(tmp_path, mouse_skeleton):
    recorder = Recorder(tmp_path / "s", FakeLive(), mouse_skeleton, video="lossy")
    verdict = validate(tmp_path / "s")
    assert verdict.problems == []
    assert "goes on, or was killed" in verdict.notes[0]
    recorder.close()
    assert validate(tmp_path / "s").problems == []


def test_where_there_is_no_session(tmp_path):
    with pytest.raises(SessionError, match="no session there"):
        validate(tmp_path)
    with pytest.raises(SessionError, match="no session there"):
        repair(tmp_path / "none")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines.pop(5), "line 6 of the poses: frame 6 makes 7 captured.* = 6"),
        (lambda lines: lines.insert(5, lines[4]), "line 6 .*not after"),
        (lambda lines: lines[5].update(t=lines[4]["t"]), "line 6 .*not after"),
        (lambda lines: lines[5].update(frame=4), "line 6 .*frame 4 makes 5"),
        (lambda lines: lines[5].update(dropped=1), "line 6 .*frame 5 makes 6"),
        (lambda lines: lines[5].update(lost=1), "line 6 .*frame 5 makes 6"),
        (lambda lines: lines[5].update(video=6), "line 6 .*names frame 6 of the video; 5 is next"),
        (lambda lines: lines[5].update(t=lines[5]["t"] + 9000), "line 6 .*captured 0.165009 s"),
        (lambda lines: lines[5].pop("video"), "line 7 .*names frame 6 of the video"),
        (lambda lines: lines.pop(), "the end notes 12 poses, there are 11"),
        (lambda lines: lines[11].pop("video"), "the video has 12 frames, 11 poses name one"),
        (lambda lines: lines[5].update(latency_ms=float("nan")), "NaN is not a number JSON allows"),
        (lambda lines: lines[5].update(roi=[1e39, 0, 1, 0]), "too large"),
        (lambda lines: lines[5].update(frame=10**30), "not a whole number"),
        (lambda lines: lines[5].update(subjects=[[]]), "a subject is not an object"),
    ],
)
def test_poses_that_do_not_add_up(session, change, message):
    lines = lines_of(session)
    change(lines)
    put_lines(session, lines)
    assert re.search(message, problem(session))


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ({"frames": 11, "captured": 11}, "notes 11 poses, there are 12"),
        ({"captured": 13}, "captured is not frames"),
        ({"dropped": 1, "captured": 13}, "notes 1 dropped, there are 0"),
        ({"video": {"frames": 11, "lost": 0}}, "notes 11 frames of the video, there are 12"),
        ({"video": {"frames": 12}}, "'lost' is missing"),
        ({"frames": -1}, "'frames': -1 is not a whole number"),
        ({"error": 3}, "'error' in end is int"),
    ],
)
def test_an_end_that_is_not_so(session, end, message):
    noted = open_session(session).facts["end"]
    edit(session, end={**noted, **end})
    assert re.search(message, problem(session))


def test_frames_lost_after_the_last_line_are_in_the_end_alone(session):
    noted = open_session(session).facts["end"]
    edit(session, end={**noted, "lost": 3, "dropped": 2, "captured": 17})
    verdict = validate(session)
    assert (verdict.valid, verdict.captured, verdict.lost, verdict.dropped) == (True, 17, 3, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda events: events.append(events[0] | {"t": 0}), "line 2 of the events: earlier"),
        (lambda events: events.append({}), "events.jsonl:2: 'frame' is missing"),
        (lambda events: events[0].update(kind="party"), "events.jsonl:1: .*party"),
    ],
)
def test_events_that_are_not_in_order(session, change, message):
    frame_1 = lines_of(session)[1]
    events = [{"t": frame_1["t"], "frame": 1, "kind": "mark", "text": ""}]
    change(events)
    put_lines(session, events, "events.jsonl")
    assert re.search(message, problem(session))


@pytest.mark.parametrize("name", ["events.jsonl", "poses.jsonl", "video.mp4"])
def test_a_file_that_is_gone(session, name):
    (session / name).unlink()
    assert f"{name}: cannot be read (No such file" in problem(session)


@pytest.mark.parametrize("name", ["../x.mp4", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "\0"])
def test_a_video_elsewhere_is_refused(session, tmp_path, name):
    (tmp_path / "x.mp4").write_bytes((session / "video.mp4").read_bytes())
    edit(session, video={"file": name, "codec": "libx264", "lossless": False})
    assert "is not the name of a file in it" in problem(session)
    with pytest.raises(SessionError, match="refused"):
        _ = open_session(session).video


@pytest.mark.parametrize("name", ["events.jsonl", "poses.jsonl", "video.mp4", "session.json"])
def test_links_out_of_the_folder_are_refused(session, tmp_path, name):
    (session / name).rename(tmp_path / "elsewhere")
    (session / name).symlink_to(tmp_path / "elsewhere")
    assert "a link out of the session's folder" in problem(session)


@pytest.mark.parametrize("name", ["events.jsonl", "poses.jsonl", "video.mp4"])
def test_links_in_a_circle_pipes_and_folders_are_refused(session, name):
    file = session / name
    file.unlink()
    file.symlink_to(file.name)
    assert "cannot be read" in problem(session)
    file.unlink()
    os.mkfifo(file)  # reading would never end
    assert "not a plain file" in problem(session)
    file.unlink()
    file.mkdir()
    assert "not a plain file" in problem(session)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_facts_that_are_no_file_are_no_session(session, make):
    (session / "session.json").unlink()
    make(session / "session.json")
    with pytest.raises(SessionError, match="no session there"):
        validate(session)


@pytest.mark.parametrize("value", ["1e400", "-Infinity", "9" * 5000, "[" * 900 + "]" * 900, '"x"'])
@pytest.mark.parametrize("key", ["t", "roi", "latency_ms", "subjects"])
def test_numbers_and_nests_beyond_reason_are_refused(session, key, value):
    lines = (session / "poses.jsonl").read_text().splitlines(keepends=True)
    table = json.loads(lines[3])
    del table[key]
    lines[3] = f'{json.dumps(table)[:-1]}, "{key}": {value}}}\n'
    (session / "poses.jsonl").write_text("".join(lines))
    assert "poses.jsonl:4: " in problem(session)


@pytest.mark.parametrize("name", ["events.jsonl", "poses.jsonl"])
def test_a_line_of_ten_gigabytes_is_not_read(session, name):
    os.truncate(session / name, HUGE)
    tracemalloc.start()
    try:
        assert f"longer than {session_module.MAX_LINE_BYTES} bytes" in problem(session)
        with pytest.raises(SessionError, match="longer than"):
            repair(session)
        assert tracemalloc.get_traced_memory()[1] < 16 * session_module.MAX_LINE_BYTES
    finally:
        tracemalloc.stop()


def test_a_video_of_ten_gigabytes_is_not_read(session):
    os.truncate(session / "video.mp4", HUGE)
    assert "the last fragment of the video is cut off" in problem(session)
    with (session / "session.json").open("ab") as file:
        file.truncate(HUGE)
    assert "larger than" in problem(session)


def test_json_without_bottom_is_refused(session):
    lines = (session / "poses.jsonl").read_bytes().splitlines(keepends=True)
    (session / "poses.jsonl").write_bytes(lines[0] + b'{"frame":' + b"[" * 500_000 + b"\n")
    assert "poses.jsonl:2: not valid JSON" in problem(session)


@pytest.mark.parametrize("cut", [1, 50, 200])
@pytest.mark.parametrize("name", ["events.jsonl", "poses.jsonl", "video.mp4"])
def test_what_was_cut_off_is_cut_away_and_kept(tmp_path, mouse_skeleton, name, cut):
    path = record(tmp_path / "s", mouse_skeleton, close=False)
    file = path / name
    size = max(file.stat().st_size - cut, 10)
    os.truncate(file, size)
    damaged = file.read_bytes()
    assert "cut off" in problem(path)
    assert repair(path) == [path / f"{name}.cut1"]
    assert (path / f"{name}.cut1").read_bytes() == damaged
    assert damaged.startswith(file.read_bytes())
    verdict = validate(path)
    assert verdict.problems == []
    assert repair(path) == []
    with file.open("ab") as again:
        again.write(b"\0\0\0\x20moof" if name == "video.mp4" else b"{")
    assert repair(path) == [path / f"{name}.cut2"]
    assert validate(path).to_text() == verdict.to_text()


def test_a_repaired_session_tells_what_its_video_lacks(tmp_path, mouse_skeleton):
    path = record(tmp_path / "s", mouse_skeleton, close=False)
    with (path / "video.mp4").open("rb") as file:
        first = next(iter(Fragments(file)))
    os.truncate(path / "video.mp4", first.end + 100)
    repair(path)
    count = len(first.times)
    assert f"the video has {count} frames, 12 poses name one" in validate(path).notes
    capture = cv2.VideoCapture(str(path / "video.mp4"))
    assert sum(iter(lambda: capture.read()[0], False)) == count
    capture.release()


def test_other_damage_is_not_repaired(session):
    (session / "poses.jsonl").write_bytes(b"\xff\n{")
    before = sorted(file.name for file in session.iterdir())
    repair(session)
    assert "not valid JSON" in problem(session)
    (session / "video.mp4").write_bytes(b"no video at all, this is text")
    with pytest.raises(SessionError, match="not a video that keycam wrote"):
        repair(session)
    assert before == sorted(name.name for name in session.iterdir() if ".cut" not in name.name)
