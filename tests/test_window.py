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
from realtime.controls import Action
from realtime.frame import Frame
from realtime.keys import KEYS, described
from realtime.window import FIRST_PX, Window

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
        assert title in self.windows
        self.size = (width, height)

    def getWindowImageRect(self, title: str) -> tuple[int, int, int, int]:
        assert title in self.windows
        return (7, 9, *self.size)

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


@pytest.mark.parametrize("code", sorted(set(KEYS) - {ord("q"), ord("Q"), 27}))
def test_every_other_key_asks_for_its_action(gui: FakeGui, code: int) -> None:
    asked: list[Action] = []
    window = Window(Event(), ask=asked.append)
    gui.key = code
    window.show(PICTURE, FRAME)
    assert asked == [KEYS[code]]
    window.close()


def test_keys_that_mean_nothing_do_nothing(gui: FakeGui) -> None:
    stop = Event()
    asked: list[Action] = []
    window = Window(stop, ask=asked.append)
    for key in (-1, ord("x"), 200, 9):
        gui.key = key
        window.show(PICTURE, FRAME)
    assert asked == []
    assert not stop.is_set()
    window.close()


def test_a_window_nobody_listens_to_can_still_be_left(gui: FakeGui) -> None:
    stop = Event()
    window = Window(stop)
    for key in (ord("p"), ord("q")):
        gui.key = key
        window.show(PICTURE, FRAME)
    assert stop.is_set()
    window.close()


def test_all_actions_have_a_key_and_the_help_names_those_that_work_here() -> None:
    assert set(KEYS.values()) == set(Action)
    assert set(described({Action.PAUSE, Action.QUIT}).values()) == {"pause", "quit"}
    assert len(described(set(Action))) == len(Action)


def test_it_opens_at_the_pictures_size_but_fits_on_a_screen(gui: FakeGui) -> None:
    window = Window(Event())
    assert window.room == FIRST_PX
    window.show(PICTURE, FRAME)
    assert gui.size == window.room == (64, 48)
    window.close()
    window.show(np.zeros((1080, 1920, 3), np.uint8), FRAME)
    assert gui.size == window.room == (1280, 720)
    window.close()


def test_its_room_is_what_its_owner_made_of_it(gui: FakeGui) -> None:
    window = Window(Event())
    window.show(PICTURE, FRAME)
    gui.size = (333, 222)
    assert window.room == (333, 222)
    gui.size = (0, 0)  # being made
    assert window.room == FIRST_PX
    gui.visible = None
    assert window.room == FIRST_PX
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
