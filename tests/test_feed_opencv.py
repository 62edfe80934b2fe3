from time import monotonic_ns

import cv2
import numpy as np
import pytest
from doubles import numbered

from realtime import feed_opencv
from realtime.camera_settings import CameraSettings
from realtime.cameras import Camera
from realtime.feed_opencv import OpencvFeed, camera_params, open_camera
from realtime.source import SourceError

CAMERA = Camera(0, "Nice Cam", "usb:046d:0825:1-5", "/dev/video99")
ALL = CameraSettings(size=(1280, 720), fps=60.0, pixels="MJPG", exposure=50, gain=7)


class Capture:
    """An open cv2.VideoCapture with one picture; takes every property but those in `refused`."""

    def __init__(self, image=None, stamp_ms=0.0, refused=()):
        self.image, self.stamp_ms, self.refused = image, stamp_ms, refused
        self.released = 0
        self.values = {cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_EXPOSURE: 49.0, cv2.CAP_PROP_GAIN: 7.0}
        self.values[cv2.CAP_PROP_FOURCC] = float(cv2.VideoWriter.fourcc(*"YUYV"))

    def get(self, key):
        return self.stamp_ms if key == cv2.CAP_PROP_POS_MSEC else self.values.get(key, 0.0)

    def set(self, key, _):
        return key not in self.refused

    def grab(self):
        return self.image is not None

    def retrieve(self):
        return True, self.image

    def release(self):
        self.released += 1


def opening(monkeypatch, *answers, platform="linux"):
    """What `open_capture` is asked, and answers one after the other."""
    asked, left = [], list(answers)

    def answer(target, backend, params=()):
        asked.append((target, backend, list(params)))
        return left.pop(0)

    monkeypatch.setattr(feed_opencv, "open_capture", answer)
    monkeypatch.setattr(feed_opencv.sys, "platform", platform)
    return asked


def test_all_settings_go_into_the_one_call_that_opens(monkeypatch):
    asked = opening(monkeypatch, Capture(numbered(1)))
    feed = open_camera(CAMERA, ALL)
    [(target, backend, params)] = asked
    assert (target, backend) == ("/dev/video99", cv2.CAP_V4L2)
    pairs = list(zip(params[::2], params[1::2], strict=True))
    assert pairs == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FPS, 60),
        (cv2.CAP_PROP_AUTO_EXPOSURE, 1),
        (cv2.CAP_PROP_EXPOSURE, 50),
        (cv2.CAP_PROP_GAIN, 7),
    ]
    assert (feed.fps, feed.pixels, feed.ends) == (30.0, "YUYV", False)
    assert feed.got == {"exposure": 49.0, "gain": 7.0}


@pytest.mark.parametrize(
    ("platform", "exposure", "expected"),
    [
        ("linux", "auto", [cv2.CAP_PROP_AUTO_EXPOSURE, 3]),
        ("win32", "auto", [cv2.CAP_PROP_AUTO_EXPOSURE, 1]),
        ("win32", -6, [cv2.CAP_PROP_EXPOSURE, -6]),
        ("darwin", 3, [cv2.CAP_PROP_AUTO_EXPOSURE, 0, cv2.CAP_PROP_EXPOSURE, 3]),
    ],
)
def test_exposure_is_said_as_each_system_wants_it(platform, exposure, expected):
    assert camera_params({"exposure": exposure}, platform) == {"exposure": expected}


def test_nothing_asked_is_nothing_set(monkeypatch):
    asked = opening(monkeypatch, Capture(numbered(1)))
    assert open_camera(CAMERA, CameraSettings(flip=True, rotate=90)).got == {}
    assert asked[0][2] == []


def test_windows_has_a_second_way(monkeypatch):
    asked = opening(monkeypatch, None, Capture(numbered(1)), platform="win32")
    open_camera(CAMERA, CameraSettings(exposure="auto"))
    assert [backend for _, backend, _ in asked] == [cv2.CAP_DSHOW, cv2.CAP_MSMF]


def test_a_setting_a_camera_does_not_take_is_named(monkeypatch):
    refusing = Capture(refused=(cv2.CAP_PROP_GAIN, cv2.CAP_PROP_FRAME_HEIGHT))
    opening(monkeypatch, None, refusing)
    with pytest.raises(SourceError, match="Nice Cam does not take --size 1280x720 and --gain 7; "):
        open_camera(CAMERA, ALL)
    assert refusing.released == 1


def test_a_camera_that_cannot_be_opened_at_all_is_not_there(monkeypatch):
    opening(monkeypatch, None, None)
    with pytest.raises(SourceError, match=r"no camera at /dev/video99 \(Nice Cam\)"):
        open_camera(CAMERA, ALL)


def test_the_kernels_time_of_the_capture_is_taken_where_there_is_one():
    captured_ms = monotonic_ns() / 1e6 - 12.5
    image, time_ns = OpencvFeed(Capture(numbered(3), captured_ms), "x", own_clock=True).read()
    assert (image == numbered(3)).all()
    assert abs(time_ns - captured_ms * 1e6) < 1000
    before = monotonic_ns()
    for capture, own in ((Capture(numbered(3), captured_ms), False), (Capture(numbered(3)), True)):
        assert OpencvFeed(capture, "x", own_clock=own).read()[1] >= before


@pytest.mark.parametrize("image", [None, np.zeros((0, 0, 3), np.uint8)])
def test_junk_after_unplugging_is_an_error_not_a_frame(image):
    with pytest.raises(SourceError, match="was it unplugged"):
        OpencvFeed(Capture(image), "x").read()


def test_what_opencv_says_of_a_driver_is_one_line():
    class Broken(Capture):
        def grab(self):
            raise cv2.error("OpenCV(5): driver trouble")

    with pytest.raises(SourceError, match=r"x cannot be read: .*driver trouble"):
        OpencvFeed(Broken(), "x").read()
