"""A loop slower than its camera: what is shown stays new, and what is dropped is counted."""

from time import monotonic_ns, sleep

import numpy as np
import pytest
from doubles import FakeSink, FakeTracker, number_of, numbered
from mjpeg_camera import Webcam

from realtime.camera_settings import CameraSettings
from realtime.loop import run
from realtime.source import open_source

FPS = 60.0
SLOW_S = 0.06  # that the sink takes for each frame: more than three of the camera's periods


class Sender:
    """Pictures that carry their number, up to 1599, and when each was sent."""

    def __init__(self) -> None:
        self.sent_ns: list[int] = []

    def picture(self, number: int) -> np.ndarray:
        self.sent_ns.append(monotonic_ns())
        return np.hstack([numbered(number % 40), numbered(number // 40)])


class SlowSink(FakeSink):
    """Notes how old each picture is, since it was sent, when it has been shown."""

    def __init__(self, sender: Sender) -> None:
        super().__init__()
        self.sender = sender
        self.numbers: list[int] = []
        self.since_sent_ms: list[float] = []

    def take(self, frame, pose, stats) -> None:
        sleep(SLOW_S)
        super().take(frame, pose, stats)
        number = number_of(frame.image[:, :64]) + 40 * number_of(frame.image[:, 64:])
        self.numbers.append(number)
        self.since_sent_ms.append((monotonic_ns() - self.sender.sent_ns[number]) / 1e6)


@pytest.mark.parametrize("backend", ["opencv", "pyav"])
def test_a_slow_loop_shows_new_pictures_and_counts_what_it_missed(backend):
    sender = Sender()
    sink = SlowSink(sender)
    with Webcam(sender.picture, FPS) as webcam:
        with open_source(webcam.url, CameraSettings(backend=backend)) as source:
            report = run(source, FakeTracker(), [sink], frames=40, warmup=5)
        turn_ms = report.stages["loop"].p50_ms
        assert turn_ms >= SLOW_S * 1e3
        assert report.age.p50_ms < 2 * turn_ms
        # a backlog would show in what was sent: forty frames on it would be most of two seconds
        assert np.median(sink.since_sent_ms[5:]) < 2 * turn_ms
        assert np.median(sink.since_sent_ms[-10:]) < 2 * turn_ms
    assert sink.numbers == sorted(set(sink.numbers))
    assert report.dropped > 40  # the camera is more than three times as fast
    assert sum(frame.dropped for frame in sink.taken) == report.dropped
    assert source.captured == report.frames + source.dropped
