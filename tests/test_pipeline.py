from pathlib import Path
from threading import Event

import pytest

from engines import DataError, EngineError
from engines.device import Choice
from realtime import pipeline
from realtime.pipeline import Wanted, watch
from realtime.session import SessionError, open_session
from realtime.source import SourceError

CLIP = "synthetic:frames=6,size=160x120"


class FakeWindow:
    shown = 0
    closed = 0

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        type(self).shown = type(self).closed = 0

    @staticmethod
    def available() -> bool:
        return True

    def on_mark(self, frame: object) -> None:
        pass

    def show(self, picture: object, frame: object) -> None:
        type(self).shown += 1
        if self.shown == 3:
            self._stop.set()

        if self.shown == 2:
            self.on_mark(frame)

    def close(self) -> None:
        type(self).closed += 1


def test_everything_wanted_is_made(blob_path: Path, tmp_path: Path) -> None:
    wanted = Wanted(video=tmp_path / "o.mp4", session=tmp_path / "s", keep_video="lossy")
    report = watch(CLIP, wanted, model=blob_path)
    assert (report.ended, report.frames) == ("source", 6)
    assert (tmp_path / "o.mp4").stat().st_size > 0
    assert (tmp_path / "s" / "video.mp4").stat().st_size > 0
    session = open_session(tmp_path / "s")
    assert len(list(session)) == 6
    assert session.facts["model"]["file"] == blob_path.name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.mp4", "s"]


def test_limits_end_the_run(blob_path: Path) -> None:
    report = watch("synthetic:size=160x120", Wanted(), model=blob_path, frames=4)
    assert (report.ended, report.frames) == ("limit", 4)
    assert watch("synthetic:size=160x120", Wanted(), model=blob_path, seconds=0.01).ended == "limit"


def test_closing_the_window_ends_the_run(blob_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "Window", FakeWindow)
    report = watch(CLIP, Wanted(window=True), model=blob_path)
    assert (report.ended, report.frames) == ("stop", 3)
    assert (FakeWindow.shown, FakeWindow.closed) == (3, 1)


def test_a_key_in_the_window_marks_an_event(
    blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "Window", FakeWindow)
    watch(CLIP, Wanted(window=True, session=tmp_path / "s"), model=blob_path, smooth=False)
    session = open_session(tmp_path / "s")
    marks = [event.frame for event in session.events() if event.kind == "mark"]
    assert marks == [1]
    options = {"device": "auto", "smooth": False, "frames": None, "seconds": None}
    recorded = dict(session.facts["options"])
    assert recorded.pop("refused") == pipeline.refused("auto")
    assert recorded == options


def test_without_a_display_a_window_is_left_out_if_something_else_is_wanted(
    blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.Window, "available", lambda: False)
    with pytest.raises(DataError, match="no display"):
        watch(CLIP, Wanted(window=True), model=blob_path)
    report = watch(CLIP, Wanted(window=True, video=tmp_path / "o.avi"), model=blob_path)
    assert report.frames == 6


def test_nothing_is_left_behind_when_a_part_cannot_be_had(blob_path: Path, tmp_path: Path) -> None:
    wanted = Wanted(video=tmp_path / "o.mp4", session=tmp_path / "s")
    with pytest.raises(SourceError):
        watch(str(tmp_path / "missing.mp4"), wanted, model=blob_path)
    with pytest.raises(EngineError):
        watch(CLIP, wanted, model=tmp_path / "missing.onnx")
    with pytest.raises(DataError):
        watch(CLIP, Wanted(video=tmp_path / "o.txt", session=tmp_path / "s"), model=blob_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "s").mkdir()
    with pytest.raises(SessionError, match="exists already"):
        watch(CLIP, wanted, model=blob_path)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_auto_says_what_it_chose_and_why(
    blob_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refusal = Choice("cpu", "cpu", ("no driver", "no TensorRT"))
    monkeypatch.setattr(pipeline, "choose", lambda _: refusal)
    with caplog.at_level("INFO", "realtime"):
        watch(CLIP, Wanted(), model=blob_path)
    assert "auto chose the CPU: no driver; no TensorRT" in caplog.text
    assert "onnxruntime" in caplog.text
    assert pipeline.refused("cpu") == []
