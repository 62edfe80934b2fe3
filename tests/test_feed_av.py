import errno
from fractions import Fraction
from time import monotonic_ns
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from doubles import number_of, numbered
from rtsp_camera import RtspCamera

from realtime import feed_av, v4l2
from realtime.camera_settings import CameraSettings
from realtime.cameras import Camera
from realtime.feed_av import AvFeed, device_options, open_address, open_camera
from realtime.source import SourceError, open_source

CAMERA = Camera(3, "Nice Cam", "usb:046d:0825:1-5", "/dev/video99")


@pytest.mark.parametrize("backend", ["opencv", "pyav"])
def test_rtsp_is_watched_live(backend):
    with (
        RtspCamera(numbered(20, (128, 96))) as camera,
        open_source(camera.url, CameraSettings(backend=backend)) as source,
    ):
        assert source.live
        assert source.size == (128, 96)
        taken = [frame for _, frame in zip(range(5), source, strict=False)]
    assert [number_of(frame.image) for frame in taken] == [20] * 5
    assert all(np.diff([frame.time_ns for frame in taken]) > 0)


def test_each_system_is_asked_in_its_own_words():
    wanted = CameraSettings(size=(1280, 720), fps=29.97, pixels="MJPG")
    said = {"video_size": "1280x720", "framerate": "29.97"}
    for platform, file, pixels in (
        ("linux", "/dev/video99", {"input_format": "mjpeg"}),
        ("win32", "video=Nice Cam", {"vcodec": "mjpeg"}),
        ("darwin", "3:none", {"pixel_format": "mjpeg"}),
    ):
        named, options = device_options(CAMERA, wanted, platform)
        assert named == file
        assert options == {**feed_av._PROMPT, **said, **pixels}
    plain = CameraSettings(pixels="YUYV")
    assert device_options(CAMERA, plain, "win32")[1]["pixel_format"] == "yuyv422"
    assert device_options(CAMERA, CameraSettings(), "linux")[1] == feed_av._PROMPT


class Container:
    """An open camera of FFmpeg's that gives pictures with times of the kernel's clock."""

    def __init__(self, times_us, bad=0):
        codec = SimpleNamespace(name="rawvideo", pix_fmt="yuyv422")
        stream = SimpleNamespace(average_rate=Fraction(30), guessed_rate=None, codec_context=codec)
        self.streams = SimpleNamespace(video=[stream])
        self.duration = None
        self.closed = 0
        self._times_us = times_us
        self._bad = bad

    def demux(self, _):
        for _ in range(self._bad):
            yield SimpleNamespace(decode=self._fail)
        for time_us in self._times_us:
            frame = av.VideoFrame.from_ndarray(numbered(7), format="bgr24")
            frame.pts, frame.time_base = time_us, Fraction(1, 1_000_000)
            yield SimpleNamespace(decode=lambda frame=frame: [frame])

    def close(self):
        self.closed += 1

    @staticmethod
    def _fail():
        raise av.error.InvalidDataError(errno.EINVAL, "half a picture")


def test_the_kernels_time_of_the_capture_is_taken_where_there_is_one():
    captured_us = monotonic_ns() // 1000 - 9000
    feed = AvFeed(Container([captured_us]), "x", own_clock=True)
    image, time_ns = feed.read()
    assert number_of(image) == 7
    assert time_ns == captured_us * 1000
    before = monotonic_ns()
    for times, own in (([captured_us], False), ([0], True), ([None], True)):
        assert AvFeed(Container(times), "x", own_clock=own).read()[1] >= before


def test_half_a_picture_is_passed_over_and_the_end_is_an_error():
    container = Container([None], bad=3)
    feed = AvFeed(container, "x")
    assert (feed.fps, feed.pixels, feed.ends) == (30.0, "YUYV", False)
    assert number_of(feed.read()[0]) == 7
    with pytest.raises(SourceError, match="x stopped giving frames"):
        feed.read()
    feed.release()
    assert container.closed == 1


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """A Linux camera with FFmpeg and the kernel behind it; what was done is in the order."""
    device = tmp_path / "video0"
    device.touch()
    done = []

    def set_control(_, control, value):
        if control == v4l2.GAIN:
            raise OSError(errno.EINVAL, "Invalid argument")
        done.append((control, value))
        return value - 1

    def opening(file, kind, options):
        done.append((file, kind, options))
        if options.get("input_format") == "h264":
            return None, "Invalid argument"
        return Container([None]), ""

    monkeypatch.setattr(feed_av.sys, "platform", "linux")
    monkeypatch.setattr(v4l2, "set_control", set_control)
    monkeypatch.setattr(v4l2, "get_control", lambda *_: 156)
    monkeypatch.setattr(feed_av, "_open", opening)
    return Camera(0, "Nice Cam", "x", str(device)), done


def test_exposure_is_set_by_the_kernel_before_the_camera_is_opened(driver):
    camera, done = driver
    feed = open_camera(camera, CameraSettings(exposure=50, fps=60.0))
    assert feed.got == {"exposure": 49}
    assert done[:2] == [(v4l2.AUTO_EXPOSURE, v4l2.MANUAL), (v4l2.EXPOSURE, 50)]
    assert done[2][:2] == (camera.device, "v4l2")
    done.clear()
    assert open_camera(camera, CameraSettings(exposure="auto")).got == {"exposure": 156}
    assert done[0] == (v4l2.AUTO_EXPOSURE, v4l2.APERTURE_PRIORITY)


def test_what_a_camera_does_not_take_is_named(driver):
    camera, _ = driver
    with pytest.raises(SourceError, match=r"Nice Cam does not take --gain 9 .Invalid argument"):
        open_camera(camera, CameraSettings(gain=9))
    with pytest.raises(SourceError, match=r"Nice Cam does not take --pixels .Invalid argument"):
        open_camera(camera, CameraSettings(pixels="H264"))


def test_elsewhere_exposure_is_refused(monkeypatch):
    monkeypatch.setattr(feed_av.sys, "platform", "win32")
    with pytest.raises(SourceError, match="on Linux only; use opencv"):
        open_camera(Camera(0, "Cam", "x", 0), CameraSettings(exposure=5))
    monkeypatch.setattr(feed_av.sys, "platform", "aix")
    with pytest.raises(SourceError, match="knows no cameras on aix"):
        open_camera(Camera(0, "Cam", "x", 0), CameraSettings())


def test_what_holds_no_video_is_refused(tmp_path):
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        noise = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        noise.sample_rate = 8000
        container.mux(stream.encode(noise))
    with pytest.raises(SourceError, match="no video there, only WAV"):
        open_address(str(sound), "sound")


def test_a_file_at_an_address_is_known_by_its_end(tmp_path):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for number in range(3):
        writer.write(numbered(number))
    writer.release()
    feed = open_address(str(path), "clip")
    assert feed.ends
    feed.release()
