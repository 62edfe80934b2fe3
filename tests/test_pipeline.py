from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import ClassVar

import cv2
import numpy as np
import pytest
from mjpeg_camera import Webcam
from unplug import blob

from engines import DataError, EngineError
from engines.device import Choice
from realtime import pipeline
from realtime.camera_settings import CameraSettings
from realtime.controls import Action
from realtime.filtering import Filtering
from realtime.pipeline import Wanted, watch
from realtime.session import SessionError, open_session
from realtime.smoothing import Smoothing
from realtime.source import SourceError
from realtime.verdict import validate
from realtime.viewing import Viewing

CLIP = "synthetic:frames=6,size=160x120"


def blob_clip(path: Path, place: Callable[[int], tuple[float, float]]) -> str:
    """Three seconds of a white blob whose centre is at `place` of the frame's number."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (160, 120))
    for i in range(90):
        image = np.zeros((120, 160, 3), np.uint8)
        centre = [round(16 * x) for x in place(i)]
        cv2.circle(image, centre, 9 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
        writer.write(image)
    writer.release()
    return str(path)


class FakeWindow:
    shown = 0
    closed = 0

    keys: ClassVar[dict[int, list[Action]]] = {2: [Action.MARK]}  # after so many pictures
    room = (1280, 720)

    def __init__(self, stop: Event, *, ask: Callable[[Action], None]) -> None:
        self._stop = stop
        self._ask = ask
        type(self).shown = type(self).closed = 0

    @staticmethod
    def available() -> bool:
        return True

    def show(self, picture: object, frame: object) -> None:
        type(self).shown += 1
        if self.shown == 3 + 3 * (self.keys is not FakeWindow.keys):
            self._stop.set()
        for action in self.keys.get(self.shown, ()):
            self._ask(action)

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
    assert marks == [2]  # the frame that came when the loop acted
    options = {"device": "auto", "smooth": False, "frames": None, "seconds": None}
    options["smoothing"] = str(Smoothing())
    recorded = dict(session.facts["options"])
    assert recorded.pop("refused") == pipeline.refused("auto")
    assert recorded == options


def test_keys_record_and_take_pictures_while_the_loop_runs(
    blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pressed(FakeWindow):
        keys: ClassVar = {
            1: [Action.RECORD],
            2: [Action.MARK, Action.SNAPSHOT],
            4: [Action.RECORD],
        }

    monkeypatch.setattr(pipeline, "Window", Pressed)
    viewing = Viewing(record_to=tmp_path / "made", record_video=True)
    report = watch(CLIP, Wanted(window=True, viewing=viewing), model=blob_path)
    assert report.frames == 6
    (folder,) = [path for path in (tmp_path / "made").iterdir() if path.is_dir()]
    assert sorted(path.suffix for path in (tmp_path / "made").iterdir()) == ["", ".png", ".png"]
    verdict = validate(folder)
    assert verdict.valid, verdict.problems
    assert (verdict.frames, verdict.video_frames, verdict.closed) == (3, 3, True)
    session = open_session(folder)
    assert session.facts["model"]["file"] == blob_path.name
    assert [event.frame for event in session.events() if event.kind == "mark"] == [1]


def test_what_is_recorded_as_a_whole_is_not_recorded_twice(
    blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pressed(FakeWindow):
        keys: ClassVar = {1: [Action.RECORD], 3: [Action.RECORD]}

    monkeypatch.setattr(pipeline, "Window", Pressed)
    wanted = Wanted(window=True, session=tmp_path / "s", viewing=Viewing(record_to=tmp_path))
    watch(CLIP, wanted, model=blob_path)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    assert len(list(open_session(tmp_path / "s"))) == 6


def test_a_smoothing_that_was_tuned_is_stored_and_told(blob_path: Path, tmp_path: Path) -> None:
    clip = blob_clip(tmp_path / "clip.avi", lambda i: (70.0 + 0.2 * (i % 2), 60.0))
    wanted = Wanted(session=tmp_path / "s", filtering=Filtering(lag_ms=40.0))
    report = watch(clip, wanted, model=blob_path)
    tuned = report.filtering["tuned"]
    options = open_session(tmp_path / "s").facts["options"]
    assert options["tuned"] == tuned
    assert options["smoothing"] == tuned["smoothing"]
    assert Smoothing.parse(tuned["smoothing"]) != Smoothing()
    assert validate(tmp_path / "s").valid


def test_predictions_are_recorded_beside_what_was_seen_and_scored(
    blob_path: Path, tmp_path: Path
) -> None:
    clip = blob_clip(tmp_path / "clip.avi", lambda i: (40.0 + i, 60.0))
    sessions = []
    for name, filtering in (
        ("plain", Filtering()),
        ("ahead", Filtering(predict=True, ahead_ms=66)),
    ):
        wanted = Wanted(session=tmp_path / name, filtering=filtering)
        report = watch(clip, wanted, model=blob_path)
        sessions.append(list(open_session(tmp_path / name)))
    assert report.filtering["prediction"]["ahead_ms"] == pytest.approx(66)
    assert report.filtering["prediction"]["n"] > 60
    assert report.filtering["prediction"]["error_px"] < 1
    predicted = 0
    for plain, ahead in zip(*sessions, strict=True):
        for one, other in zip(plain.subjects, ahead.subjects, strict=True):
            assert (one.raw_px == other.raw_px).all()
            assert (one.keypoints_px == other.keypoints_px).all()
            assert one.predicted_px is None
            assert other.ahead_ms == pytest.approx(66)
            predicted += 1
    assert predicted > 60
    assert validate(tmp_path / "ahead").valid


def test_without_a_display_a_window_is_left_out_if_something_else_is_wanted(
    blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.Window, "available", lambda: False)
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


def test_closing_the_window_ends_the_run_while_the_camera_is_gone(
    blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Webcam(blob) as webcam:

        class Window(FakeWindow):
            def show(self, picture: np.ndarray, frame: object) -> None:
                type(self).shown += 1
                if self.shown == 3:
                    webcam.unplug()
                if self.shown == 9:  # the camera sent less
                    self._stop.set()

        monkeypatch.setattr(pipeline, "Window", Window)
        wanted = Wanted(window=True, session=tmp_path / "s", camera=CameraSettings(give_up_s=None))
        report = watch(webcam.url, wanted, model=blob_path, device="cpu")
    assert (report.ended, Window.shown, Window.closed) == ("stop", 9, 1)
    assert report.frames < 9
    session = open_session(tmp_path / "s")
    assert [event.kind for event in session.events()][-1] == "lost camera"
    assert validate(tmp_path / "s").valid
