"""The window on the screen. Every OpenCV call that touches the display is in this file."""

import os
import re
import socket
import sys
from collections.abc import Callable
from threading import Event

import cv2

from engines.geometry import Image
from realtime.canvas import fitting
from realtime.controls import Action
from realtime.frame import Frame
from realtime.keys import KEYS

FIRST_PX = (1280, 720)  # that a window is made to fit into; its user may enlarge it
_DISPLAY = re.compile(r"(?P<host>[^:]*):(?P<number>\d+)(\.\d+)?")
_ANSWER_S = 1.0


class Window:
    """Shows pictures and asks for what its keys mean; q, Esc or closing the window sets `stop`.

    Make and use it on one thread, and only where `available` says so: OpenCV ends the whole
    process where there is no display.
    """

    def __init__(
        self,
        stop: Event,
        title: str = "keycam",
        *,
        ask: Callable[[Action], None] | None = None,
    ) -> None:
        """
        Args:
            ask: called with what a key stands for; see `realtime.keys`.
        """
        self._stop = stop
        self._title = title
        self._ask = ask
        self._open = False

    @staticmethod
    def available() -> bool:
        """Whether a window can be shown: OpenCV has windows and, on Linux, an X server answers.

        `WAYLAND_DISPLAY` alone is not enough: OpenCV's own build speaks only X (XWayland will do).
        """
        if not cv2.currentUIFramework():
            return False
        return not sys.platform.startswith("linux") or _x_answers(os.environ.get("DISPLAY", ""))

    @property
    def room(self) -> tuple[int, int]:
        """(width, height) of the window's picture; before it is open, what it will fit into."""
        if self._open and self._visible():
            _, _, width, height = cv2.getWindowImageRect(self._title)
            if width > 0 and height > 0:
                return width, height
        return FIRST_PX

    def show(self, picture: Image, frame: Frame) -> None:  # noqa: ARG002 (a view)
        """Put `picture` (H, W, 3) uint8 BGR on the screen and look at the keys."""
        if self._stop.is_set():
            return
        if not self._open:
            width, height = fitting((picture.shape[1], picture.shape[0]), FIRST_PX)
            flags = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
            cv2.namedWindow(self._title, flags)
            cv2.resizeWindow(self._title, width, height)
        elif not self._visible():
            self._open = False  # its owner closed it
            self._stop.set()
            return
        cv2.imshow(self._title, picture)
        self._open = True
        action = KEYS.get(cv2.pollKey() & 0xFF)
        if action is Action.QUIT:
            self._stop.set()
        elif action is not None and self._ask is not None:
            self._ask(action)

    def close(self) -> None:
        if self._open:
            self._open = False
            cv2.destroyWindow(self._title)
            cv2.pollKey()

    def _visible(self) -> bool:
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # Qt: the last window of the process was closed
            return False


def _x_answers(display: str) -> bool:
    """Whether something listens where `display` points, as in ":0" or "host:10.0"."""
    if not (match := _DISPLAY.fullmatch(display)):
        return False
    host, number = match["host"], int(match["number"])
    try:
        if host in ("", "unix"):
            return _unix_answers(number)
        with socket.create_connection((host, 6000 + number), timeout=_ANSWER_S):
            return True
    except OSError:
        return False


def _unix_answers(number: int) -> bool:
    path = f"/tmp/.X11-unix/X{number}"
    for address in (path, f"\0{path}"):  # the file, then Linux's abstract name for it
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(_ANSWER_S)
            if link.connect_ex(address) == 0:
                return True
    return False
