from pathlib import Path

import cv2
import pytest

from engines import DataError
from realtime import demo as module
from realtime.cameras import Camera
from realtime.demo import demo, fresh_outputs
from realtime.session import open_session


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(module, "cameras", list)


def test_needs_no_camera_and_no_display(blob_path: Path, tmp_path: Path) -> None:
    shown = demo(tmp_path, model=blob_path, seconds=0.5)
    assert shown.report.frames == 15
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keycam-demo", "keycam-demo.mp4"]
    capture = cv2.VideoCapture(str(tmp_path / "keycam-demo.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 15
    capture.release()
    assert len(list(open_session(tmp_path / "keycam-demo"))) == 15


def test_a_camera_that_does_not_open_is_passed_over(
    blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Camera(977, "Broken Cam", "977", "/dev/video977")
    monkeypatch.setattr(module, "cameras", lambda: [broken])
    shown = demo(tmp_path, model=blob_path, seconds=0.2)
    assert shown.source == "the built-in clip"
    assert shown.report.frames == 6


@pytest.mark.parametrize("taken", ["keycam-demo", "keycam-demo.mp4"])
def test_names_do_not_clash(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).touch()
    wanted = fresh_outputs(tmp_path)
    assert (wanted.video, wanted.session) == (
        tmp_path / "keycam-demo-2.mp4",
        tmp_path / "keycam-demo-2",
    )


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="folder of your own"):
        fresh_outputs(tmp_path / "missing")
