import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest

from realtime import window as module
from realtime.frame import Frame
from realtime.window import Window

PICTURE = np.zeros((48, 64, 3), np.uint8)
FRAME = Frame(PICTURE, 0, 0)


class FakeGui:
    """What window.py uses of cv2, without a display."""

    WINDOW_NORMAL = WINDOW_KEEPRATIO = WINDOW_GUI_NORMAL = WND_PROP_VISIBLE = 0
    error = cv2.error

    def __init__(self) -> None:
        self.windows: set[str] = set()
        self.shown = 0
        self.key = -1
        self.visible: float | None = 1.0

    def currentUIFramework(self) -> str:
        return "FAKE"

    def namedWindow(self, title: str, flags: int) -> None:
        self.windows.add(title)

    def resizeWindow(self, title: str, width: int, height: int) -> None:
        assert (width, height) == (64, 48)

    def imshow(self, title: str, picture: object) -> None:
        assert title in self.windows
        self.shown += 1

    def pollKey(self) -> int:
        return self.key

    def getWindowProperty(self, title: str, prop: int) -> float:
        if self.visible is None:
            raise cv2.error("NULL guiReceiver")
        return self.visible

    def destroyWindow(self, title: str) -> None:
        self.windows.remove(title)


@pytest.fixture
def gui(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGui]:
    fake = FakeGui()
    monkeypatch.setattr(module, "cv2", fake)
    yield fake
    assert fake.windows == set()


@pytest.mark.parametrize("key", [ord("q"), ord("Q"), 27])
def test_a_key_stops(gui: FakeGui, key: int) -> None:
    stop = Event()
    window = Window(stop)
    window.show(PICTURE, FRAME)
    assert not stop.is_set()
    gui.key = key
    window.show(PICTURE, FRAME)
    assert stop.is_set()
    window.close()
    window.close()


@pytest.mark.parametrize("key", [ord("m"), ord("M")])
def test_a_key_marks_the_frame_that_is_shown(gui: FakeGui, key: int) -> None:
    window, marked = Window(Event()), []
    gui.key = key
    window.show(PICTURE, FRAME)  # nobody listens
    window.on_mark = marked.append
    window.show(PICTURE, FRAME)
    assert marked == [FRAME]
    window.close()


@pytest.mark.parametrize("visible", [0.0, -1.0, None])
def test_closing_the_window_stops_and_does_not_open_it_again(
    gui: FakeGui, visible: float | None
) -> None:
    stop = Event()
    window = Window(stop)
    window.show(PICTURE, FRAME)
    gui.visible = visible
    gui.windows.clear()
    for _ in range(2):
        window.show(PICTURE, FRAME)
    assert stop.is_set()
    assert gui.shown == 1
    window.close()


def test_a_window_never_shown_has_nothing_to_close(gui: FakeGui) -> None:
    Window(Event()).close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X is asked on Linux only")
class TestAvailable:
    @pytest.fixture(autouse=True)
    def _framework(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "cv2", FakeGui())

    @pytest.mark.parametrize("display", ["", ":97531", "nonsense", "localhost:x", ":", "/tmp/x:0"])
    def test_not_where_no_server_answers(
        self, display: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
        assert not Window.available()

    def test_where_a_server_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DISPLAY", ":97532.0")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.bind("\0/tmp/.X11-unix/X97532")
            server.listen()
            assert Window.available()

    def test_not_with_an_opencv_that_has_no_windows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(FakeGui, "currentUIFramework", lambda self: "")
        assert not Window.available()


def test_opencvs_windows_are_used_in_one_file_only() -> None:
    folder = Path(module.__file__).parents[1]
    calls = ("imshow", "namedWindow", "waitKey", "pollKey", "destroyWindow", "destroyAllWindows")
    users = {
        file.name
        for package in ("engines", "realtime", "train")
        for file in (folder / package).glob("*.py")
        if any(f"cv2.{call}" in file.read_text("utf-8") for call in calls)
    }
    assert users == {"window.py"}


def test_asking_does_not_need_a_display() -> None:
    script = "from realtime.window import Window; print(Window.available())"
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, b"False")
