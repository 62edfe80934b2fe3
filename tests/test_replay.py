import json
from pathlib import Path

import numpy as np
import pytest
from blob_model import blob_image
from test_film import read

from engines import DataError
from engines.skeleton import Skeleton
from realtime import pipeline
from realtime import replay as module
from realtime.frame import Frame, Pose, State
from realtime.memory import Memory
from realtime.pipeline import Wanted, watch
from realtime.recorder import Recorder
from realtime.replay import open_replay
from realtime.session import SessionError, open_session
from realtime.source import Source
from realtime.timing import Timings
from realtime.verdict import validate

SIZE = (161, 121)  # odd, so that the video is larger than its frames
STEPS_NS = (33_333_333, 8_000_001, 70_000_000, 41_111_111)


class Blobs(Source):
    """A light that moves and is gone for a while, at uneven times, with frames dropped."""

    live = False
    name = "blobs"
    fps = 30.0
    size = SIZE
    dropped = 0

    def __iter__(self):
        time_ns, index = 3 * 10**14, 0
        for i in range(40):
            there = not 20 <= i < 30
            x, y = 60 + 1.3 * i, 50 + 10 * np.sin(i / 5)
            image = blob_image(*self.size, x if there else -50, y, radius=9)
            dropped = 2 if i % 10 == 9 else 0
            index += dropped
            yield Frame(image, index, time_ns, dropped)
            time_ns += STEPS_NS[i % 4]
            index += 1

    def close(self):
        pass


@pytest.fixture
def record(blob_path, tmp_path):
    def record(name, keep, source="blobs"):
        wanted = Wanted(session=tmp_path / name, keep_video=keep)
        with pytest.MonkeyPatch.context() as patch:
            if source == "blobs":
                patch.setattr(pipeline, "open_source", lambda *_, **__: Blobs())
            watch(str(source), wanted, model=blob_path)
        return tmp_path / name

    return record


def again(session, blob_path, path, **options):
    wanted = Wanted(session=path)
    pipeline.replay(session, wanted, model=blob_path, fast=True, **options)
    return path


def lines(path: Path, *, without=("latency_ms", "video")):
    """All that the poses say, but for how long they took."""
    tables = [json.loads(line) for line in (path / "poses.jsonl").read_text().splitlines()]
    return [{k: v for k, v in table.items() if k not in without} for table in tables]


def test_the_replay_of_a_lossless_recording_is_the_recording(record, blob_path, tmp_path):
    session = record("s", "lossless")
    assert {line["state"] for line in lines(session)} == {"search", "track", "coast"}
    path = again(session, blob_path, tmp_path / "r")
    assert lines(path) == lines(session)
    assert (path / "events.jsonl").read_bytes() == (session / "events.jsonl").read_bytes()
    for folder in (session, path):
        assert validate(folder).problems == []
    old, new = open_session(session).facts, open_session(path).facts
    assert new["clock"] == new["end"]["clock"] == old["clock"]
    assert new["source"]["name"] == str(session)
    assert new["end"]["captured"] == old["end"]["captured"] == 48


def test_replays_of_a_lossy_recording_are_the_same(record, blob_path, tmp_path):
    session = record("s", "lossy")
    first = again(session, blob_path, tmp_path / "r1")
    assert lines(first) == lines(again(session, blob_path, tmp_path / "r2"))
    assert [line["t"] for line in lines(first)] == [line["t"] for line in lines(session)]


def test_a_recording_of_the_video_file_is_its_replay(record, blob_path, tmp_path, monkeypatch):
    """Up to the times: a file has microseconds from its start, a session nanoseconds."""
    monkeypatch.setattr(Blobs, "size", (160, 120))  # the file of an odd one is larger
    session = record("s", "lossy")
    replayed = open_session(again(session, blob_path, tmp_path / "r"))
    of_file = open_session(record("f", None, source=session / "video.mp4"))
    for ours, theirs in zip(replayed, of_file, strict=True):
        assert ours.state == theirs.state
        for own, other in zip(ours.subjects, theirs.subjects, strict=True):
            assert np.allclose(own.raw_px, other.raw_px, atol=0.011)
            assert np.allclose(own.keypoints_px, other.keypoints_px, atol=0.011)
    times_us = [np.diff([r.time_ns for r in s]) / 1e3 for s in (replayed, of_file)]
    assert np.allclose(*times_us, atol=1.01)


def test_smoothing_is_as_recorded_unless_it_is_asked_for(record, blob_path, tmp_path):
    session = record("s", "lossless")
    raw = open_session(again(session, blob_path, tmp_path / "r", smooth=False))
    assert raw.facts["options"]["smooth"] is False
    for one, other in zip(raw, open_session(session), strict=True):
        for subject, smoothed in zip(one.subjects, other.subjects, strict=True):
            assert np.array_equal(subject.raw_px, subject.keypoints_px)
            assert np.array_equal(subject.raw_px, smoothed.raw_px)


def test_frames_the_video_lacks_are_dropped(tmp_path, mouse_skeleton):
    recorder = Recorder(
        tmp_path / "s", Memory([blob_image(64, 48, 9, 9)]), mouse_skeleton, video="lossless"
    )
    for index, size in enumerate([64, 32, 32, 64]):
        frame = Frame(blob_image(size, 48, 9 + index, 9), 2 * index, index * 10**7, index and 1)
        recorder.take(frame, Pose(State.SEARCH), Timings())
    recorder.close()
    with open_replay(tmp_path / "s") as replay:
        frames = list(replay)
        assert replay.dropped == 5
    assert [(frame.index, frame.dropped, frame.time_ns) for frame in frames] == [
        (0, 0, 0),
        (6, 5, 30_000_000),
    ]
    assert np.array_equal(frames[1].image, blob_image(64, 48, 12, 9))


def test_the_pace_is_that_of_the_recording(record, monkeypatch):
    session = record("s", "lossy")
    due: list[int] = []
    monkeypatch.setattr(module.Pace, "wait", lambda self, time_ns: due.append(time_ns))
    monkeypatch.setattr(module, "monotonic_ns", lambda: 1000)
    with open_replay(session, realtime=True) as replay:
        times = [frame.time_ns for frame in replay]
    assert due == [time_ns - times[0] + 1000 for time_ns in times]


def test_a_video_that_was_cut_off_is_replayed_to_its_end(record, caplog):
    session = record("s", "lossy")
    video = session / "video.mp4"
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    with open_replay(session) as replay:
        count = len(list(replay))
    assert 0 < count < 40
    assert "the video ends before frame" in caplog.text
    assert len(read(video)[0]) == count


def test_what_cannot_be_replayed(record, tmp_path):
    with pytest.raises(SessionError, match="has no video, so there is nothing to replay"):
        open_replay(record("s", None))
    session = record("v", "lossy")
    (session / "video.mp4").write_bytes(b"text")
    with pytest.raises(SessionError, match="not a video that can be decoded"):
        open_replay(session)
    with pytest.raises(SessionError, match="no session there"):
        open_replay(tmp_path)


def test_a_model_of_ones_own_must_be_named(record):
    with pytest.raises(DataError, match="recorded with blob, not a shipped one; name it: -m"):
        pipeline.replay(record("s", "lossy"), Wanted(), fast=True)


def test_closing_ends_it(record):
    with open_replay(record("s", "lossy")) as replay:
        frames = iter(replay)
        next(frames)
        replay.close()
        assert list(frames) == []


def test_skeleton_is_that_of_the_model(record):
    assert open_session(record("s", None)).skeleton == Skeleton.load("mouse4")
