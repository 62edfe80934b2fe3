"""Recordings on a disk that fails, seen from outside: the system's own errors, nothing replaced."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
from doubles import FakeLive, FakeSink, FakeTracker
from test_film import read

from realtime.loop import run
from realtime.memory import Memory
from realtime.recorder import Recorder
from realtime.session import SessionError, open_session
from realtime.verdict import validate

NOISE = np.random.default_rng(0).integers(0, 256, (20, 48, 64, 3), np.uint8)


class Screen(FakeSink):
    """What the user sees; once that is `until`, the recording is ended."""

    def __init__(self, source=None, until="") -> None:
        super().__init__()
        self.notices: list[str] = []
        self._source, self._until = source, until

    def take(self, frame, pose, stats) -> None:
        super().take(frame, pose, stats)
        if stats.notice not in self.notices:
            self.notices.append(stats.notice)
        if self._until and self._until in stats.notice:
            self._source.close()


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The system refuses to write beyond."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [30_000, 60_000])
def test_a_disk_without_room_ends_the_video_then_the_poses_and_not_the_loop(
    tmp_path, mouse_skeleton, room
):
    source = Memory(list(NOISE), repeat=10_000)
    screen = Screen(source, until="recording stopped")
    recorder = Recorder(tmp_path / "s", source, mouse_skeleton, video="lossless")
    with (
        files_no_larger_than(room),
        pytest.raises(SessionError, match=r"recording stopped after \d+ frames \(File too large\)"),
    ):
        run(source, FakeTracker(), [recorder, screen])
    assert screen.notices[-2:] == [
        "video stopped: File too large",
        "recording stopped: File too large",
    ]
    session = open_session(tmp_path / "s")
    assert 0 < (tmp_path / "s/poses.jsonl").stat().st_size <= room
    assert session.facts["end"]["frames"] == len(list(session)) == recorder.written > 0
    shown = read(session.video)[0]
    assert 0 < len(shown) == session.facts["end"]["video"]["frames"] < len(list(session))
    assert np.array_equal(shown, NOISE[: len(shown)])
    verdict = validate(tmp_path / "s")
    assert (verdict.problems, verdict.captured) == ([], len(screen.taken))


def test_a_disk_without_room_even_for_the_end(tmp_path, mouse_skeleton):
    """`session.json` stays as it was: the recording reads as one that was killed."""
    source = Memory(list(NOISE))
    recorder = Recorder(tmp_path / "s", source, mouse_skeleton)
    with files_no_larger_than(1000), pytest.raises(SessionError, match="File too large"):
        run(source, FakeTracker(), [recorder])
    names = sorted(file.name for file in (tmp_path / "s").iterdir())
    assert names == ["events.jsonl", "poses.jsonl", "session.json"]
    verdict = validate(tmp_path / "s")
    assert (verdict.problems, verdict.closed, verdict.frames) == ([], False, recorder.written)
    assert 0 < recorder.written < 20


@pytest.mark.parametrize("video", [None, "lossy"])
def test_a_folder_that_is_deleted_ends_the_recording_and_not_the_loop(
    tmp_path, mouse_skeleton, video
):
    with FakeLive() as source:
        screen = Screen(source, until="recording stopped: the session was deleted")
        sinks = [Recorder(tmp_path / "s", source, mouse_skeleton, video=video), screen]

        class Vandal(FakeSink):
            def take(self, frame, pose, stats):
                if frame.index == 20:
                    rmtree(tmp_path / "s")

        with pytest.raises(SessionError, match="the session was deleted"):
            run(source, FakeTracker(), [*sinks, Vandal()])
    assert len(screen.taken) > 20
    assert list(Path(tmp_path).iterdir()) == []
