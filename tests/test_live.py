import threading
from itertools import pairwise

import cv2
import numpy as np
import pytest
from doubles import FakeSink, FakeTracker, number_of, numbered
from mjpeg_camera import MjpegCamera

from realtime import live
from realtime.cameras import Camera
from realtime.live import Live, open_camera
from realtime.loop import run
from realtime.source import SourceError, open_source


@pytest.fixture
def camera():
    with MjpegCamera() as camera:
        yield camera


def wait_captured(source: Live, frames: int) -> None:
    condition = source._mailbox._condition
    with condition:
        assert condition.wait_for(lambda: source.captured >= frames, 10)


def test_a_slow_consumer_gets_the_newest_frame_and_the_sums_add_up(camera):
    camera.send(*map(numbered, range(10)))
    with open_source(camera.url) as source:
        assert source.live
        assert source.size == (64, 48)
        taken = []
        for sent, frame in enumerate(source, start=1):
            taken.append(frame)
            if sent == 4:
                break
            captured = source.captured
            camera.send(*(numbered(10 * sent + i) for i in range(10)))
            wait_captured(source, captured + 8)  # the consumer is slow
    numbers = [number_of(frame.image) for frame in taken]
    assert numbers == [frame.index for frame in taken]  # nothing repeated, nothing mislabelled
    assert all(later - earlier >= 7 for earlier, later in pairwise(numbers))
    assert source.captured == len(taken) + source.dropped
    gaps = [later.index - earlier.index - 1 for earlier, later in pairwise(taken)]
    assert [frame.dropped for frame in taken[1:]] == gaps
    assert taken[0].dropped == taken[0].index
    assert all(np.diff([frame.time_ns for frame in taken]) > 0)


def test_a_camera_that_dies_ends_the_iteration_with_an_error(camera):
    camera.send(*map(numbered, range(10)))
    with open_source(camera.url) as source:
        arriving = iter(source)
        seen = [number_of(next(arriving).image)]
        camera.kill()
        with pytest.raises(SourceError, match=r"127\.0\.0\.1.*stopped giving frames"):
            seen.extend(number_of(frame.image) for frame in arriving)
    assert seen == sorted(set(seen))


def test_a_dying_camera_closes_the_sinks(camera):
    class Killer(FakeSink):
        def take(self, frame, pose, stats):
            super().take(frame, pose, stats)
            if len(self.taken) == 1:
                camera.kill()

    camera.send(*map(numbered, range(10)))
    sinks = [Killer(), FakeSink()]
    with open_source(camera.url) as source, pytest.raises(SourceError):
        run(source, FakeTracker(), sinks)
    assert [sink.closed for sink in sinks] == [1, 1]


def test_close_joins_the_thread_and_ends_the_iteration(camera):
    camera.send(*map(numbered, range(10)))
    source = open_source(camera.url)
    next(iter(source))
    camera.send(*map(numbered, range(10)))
    source.close()
    source.close()
    assert list(source) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("grab")]


def test_nobody_answers_at_the_address():
    with pytest.raises(SourceError, match="no video there"):
        open_source("http://user:secret@127.0.0.1:9/camera.mjpg")


def test_passwords_stay_out_of_names_and_messages():
    with pytest.raises(SourceError) as caught:
        open_source("rtsp://user:secret@127.0.0.1:9/live")
    assert "secret" not in str(caught.value)


def test_a_video_served_over_http_is_a_file_not_a_camera(monkeypatch):
    class Finite:
        def get(self, key):
            return {cv2.CAP_PROP_FRAME_COUNT: 2.0, cv2.CAP_PROP_FPS: 25.0}.get(key, 0.0)

        def read(self):
            return True, numbered(1)

        def release(self):
            pass

    monkeypatch.setattr(live, "open_capture", lambda *_: Finite())
    assert not open_source("https://example.invalid/clip.mp4").live


class ScriptedCapture:
    """What OpenCV would give, step by step; after the script it blocks until released or told."""

    def __init__(self, script):
        self.script = list(script)
        self.go_on = threading.Event()
        self.released = False

    def get(self, _):
        return 30.0

    def grab(self):
        if not self.script:
            self.go_on.wait()
            return False
        return self.script[0] is not None

    def retrieve(self):
        return True, self.script.pop(0)

    def release(self):
        self.released = True


def test_a_camera_that_stalls_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(live, "STALL_S", 0.05)
    monkeypatch.setattr(live, "JOIN_S", 0.05)
    capture = ScriptedCapture([numbered(0)])
    source = Live(capture, "stalled")
    arriving = iter(source)
    assert next(arriving).index == 0
    with pytest.raises(SourceError, match="stalled gave no frame for"):
        next(arriving)
    source.close()  # the read still hangs: said, not waited for
    capture.go_on.set()
    source._thread.join()
    assert capture.released


def test_a_camera_that_never_gives_a_frame():
    capture = ScriptedCapture([])
    threading.Timer(0.2, capture.go_on.set).start()
    with pytest.raises(SourceError, match="opened but gave no frame"):
        Live(capture, "dark", first_s=0.05)


def test_an_exception_in_the_thread_reaches_the_owner():
    class Broken(ScriptedCapture):
        def retrieve(self):
            raise cv2.error("driver trouble")

    with pytest.raises(cv2.error, match="driver trouble"):
        Live(Broken([numbered(0)]), "broken")


def test_junk_after_unplugging_is_an_error_not_a_frame():
    source = Live(ScriptedCapture([numbered(0), np.zeros((0, 0, 3), np.uint8)]), "unplugged")
    with pytest.raises(SourceError, match="unplugged"):
        list(source)


def test_a_camera_that_is_not_there():
    with pytest.raises(SourceError, match="no camera at 97"):
        open_camera(Camera(97, "camera 97", "97", 97))


def test_a_camera_says_what_it_is_and_in_which_mode():
    class Webcam(ScriptedCapture):
        def get(self, what):
            return cv2.VideoWriter.fourcc(*"MJPG") if what == cv2.CAP_PROP_FOURCC else 30.0

    webcam = Camera(2, "Nice Cam", "usb:046d:0825:1-5", "/dev/video2")
    capture, other = Webcam([numbered(0)]), ScriptedCapture([numbered(0)])
    with Live(capture, "Nice Cam", camera=webcam) as source:
        assert source.camera == {
            "id": "usb:046d:0825:1-5",
            "name": "Nice Cam",
            "index": 2,
            "mode": {"size": [64, 48], "fps": 30.0, "pixels": "MJPG"},
        }
        capture.go_on.set()
    with Live(other, "a stream") as source:
        assert source.camera is None
        other.go_on.set()
