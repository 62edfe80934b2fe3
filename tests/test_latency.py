from collections import deque
from threading import Event, Thread
from time import monotonic

import numpy as np
import pytest
from command_line import keycam, refused
from mjpeg_camera import MjpegCamera

from engines.geometry import Image
from realtime import latency
from realtime.frame import Frame
from realtime.latency import measure
from realtime.memory import Memory
from realtime.source import SourceError, open_source

FPS = 60.0


class Scene:
    """A display, and the camera in front of it that sees what was shown `delay_s` ago."""

    def __init__(self, camera: MjpegCamera, delay_s: float, *, blind: bool = False) -> None:
        self._camera, self._delay_s, self._blind = camera, delay_s, blind
        self._shown: deque[tuple[float, int]] = deque([(0.0, 0)])
        self._stop = Event()
        self._thread = Thread(target=self._film)
        self._thread.start()

    def show(self, picture: Image, frame: Frame) -> None:
        self._shown.append((monotonic(), int(picture[0, 0, 0])))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _film(self) -> None:
        noise = np.random.default_rng(0)
        while not self._stop.wait(1 / FPS):
            past = monotonic() - self._delay_s
            level = next(level for time, level in reversed(self._shown) if time <= past)
            view = noise.integers(90, 110, (90, 120, 3)).astype(np.uint8)
            if not self._blind:
                view[20:70, 30:90] = 30 + level * 0.7  # the window, seen from some way off
            self._camera.send(view)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "SETTLE_S", 0.6)
    monkeypatch.setattr(latency, "HOLD_S", (0.01, 0.04))


def measured(delay_s: float, *, blind: bool = False) -> latency.Latency:
    with MjpegCamera() as server:
        scene = Scene(server, delay_s, blind=blind)
        try:
            with open_source(server.url) as camera:
                return measure(camera, scene, flips=8)
        finally:
            scene.close()


def test_the_delay_of_the_camera_comes_out() -> None:
    quick, slow = measured(0.05), measured(0.3)
    for result, delay_ms in ((quick, 50), (slow, 300)):
        assert result.times.n == 8
        assert result.times.p50_ms >= delay_ms  # nothing is seen before it can be
    assert slow.times.p50_ms - quick.times.p50_ms > 100
    assert quick.seen == pytest.approx(50 * 60 / (90 * 120), abs=0.02)
    assert "the window fills 28% of the picture" in quick.to_text()
    assert quick.to_dict()["latency"]["screen_to_program"]["n"] == 8


def test_a_camera_that_looks_elsewhere_is_told() -> None:
    with pytest.raises(SourceError, match="does not see the window"):
        measured(0.0, blind=True)


def test_what_is_no_camera_is_refused() -> None:
    with pytest.raises(SourceError, match="no camera"):
        measure(Memory([np.zeros((8, 8, 3), np.uint8)]), Scene.__new__(Scene))


def test_the_command_needs_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    refused(keycam("bench", "--latency"), "no display")
