import threading
from itertools import pairwise
from time import monotonic_ns

import cv2
import numpy as np
import pytest
from doubles import FakeSink, FakeTracker, number_of, numbered
from mjpeg_camera import MjpegCamera, Webcam

from realtime import feed_av, feed_opencv, live
from realtime.camera_settings import CameraSettings
from realtime.cameras import Camera
from realtime.frame import Frame
from realtime.gap import Gap
from realtime.live import Live, compared, open_camera
from realtime.loop import run
from realtime.source import SourceError, open_source

BACKENDS = ("opencv", "pyav")


@pytest.fixture
def camera():
    with MjpegCamera() as camera:
        yield camera


def wait_captured(source: Live, frames: int) -> None:
    condition = source._mailbox._condition
    with condition:
        assert condition.wait_for(lambda: source.captured >= frames, 10)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_slow_consumer_gets_the_newest_frame_and_the_sums_add_up(camera, backend):
    camera.send(*map(numbered, range(10)))
    with open_source(camera.url, CameraSettings(backend=backend)) as source:
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
    ahead = numbers[0] - taken[0].index  # FFmpeg throws away what it looked at while opening
    assert ahead == 0 or backend == "pyav"
    assert numbers == [frame.index + ahead for frame in taken]  # not repeated, nor mislabelled
    assert all(later - earlier >= 7 for earlier, later in pairwise(numbers))
    assert source.captured == len(taken) + source.dropped
    gaps = [later.index - earlier.index - 1 for earlier, later in pairwise(taken)]
    assert [frame.dropped for frame in taken[1:]] == gaps
    assert taken[0].dropped == taken[0].index
    assert all(np.diff([frame.time_ns for frame in taken]) > 0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_camera_that_dies_ends_the_iteration_with_an_error(camera, backend):
    camera.send(*map(numbered, range(10)))
    with open_source(camera.url, CameraSettings(backend=backend)) as source:
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


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ["http", "rtsp"])
def test_nobody_answers_at_the_address_and_passwords_are_not_told(backend, kind):
    address = f"{kind}://user:secret@127.0.0.1:9/live?password=secret"
    with pytest.raises(SourceError, match="no video there") as caught:
        open_source(address, CameraSettings(backend=backend))
    assert "secret" not in str(caught.value)
    assert "127.0.0.1:9/live" in str(caught.value)


def test_a_video_served_over_http_is_a_file_not_a_camera(monkeypatch):
    class Finite:
        def get(self, key):
            return {cv2.CAP_PROP_FRAME_COUNT: 2.0, cv2.CAP_PROP_FPS: 25.0}.get(key, 0.0)

        def read(self):
            return True, numbered(1)

        def release(self):
            pass

    for module in (live, feed_opencv):
        monkeypatch.setattr(module, "open_capture", lambda *_: Finite())
    assert not open_source("https://example.invalid/clip.mp4").live


class ScriptedFeed:
    """Gives its pictures, one every few milliseconds; then it fails, or hangs until it is told."""

    pixels, ends = "MJPG", False

    def __init__(self, *pictures, fps=30.0, hangs=False):
        self.pictures = list(pictures)
        self.fps = fps
        self.got = {}
        self.hangs = hangs
        self.go_on = threading.Event()
        self.released = threading.Event()

    def read(self):
        if self.pictures:
            self.go_on.wait(0.002)
            return self.pictures.pop(0), monotonic_ns()
        if self.hangs:
            self.go_on.wait()
        raise SourceError("unplugged")

    def release(self):
        self.released.set()


def opener(*feeds):
    """Opens one feed after the other; None cannot be opened, and the last is opened for ever."""
    left = list(feeds)

    def again():
        feed = left.pop(0) if len(left) > 1 else left[0]
        if feed is None:
            raise SourceError("still unplugged")
        return feed

    return again


def test_a_camera_that_stalls_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(live, "DEAD_S", 0.05)
    monkeypatch.setattr(live, "JOIN_S", 0.05)
    feed = ScriptedFeed(numbered(0), hangs=True)
    source = Live(opener(feed), "stalled")
    arriving = iter(source)
    assert next(arriving).index == 0
    with pytest.raises(SourceError, match="stalled gave no frame for"):
        next(arriving)
    source.close()  # the read still hangs: said, not waited for
    assert not feed.released.is_set()
    feed.go_on.set()
    assert feed.released.wait(10)


def test_a_camera_that_never_gives_a_frame():
    feed = ScriptedFeed(hangs=True)
    threading.Timer(0.2, feed.go_on.set).start()
    with pytest.raises(SourceError, match="opened but gave no frame"):
        Live(opener(feed), "dark", first_s=0.05)


def test_an_exception_in_the_thread_reaches_the_owner():
    class Broken(ScriptedFeed):
        def read(self):
            raise ValueError("a mistake of ours")

    with pytest.raises(ValueError, match="a mistake of ours"):
        Live(opener(Broken()), "broken", give_up_s=None)


def beats(source, until):
    """What comes until `until(item)`; gaps that go on count once."""
    seen = []
    for item in source.beats():
        if not (seen and isinstance(item, Gap) and isinstance(seen[-1], Gap)):
            seen.append(item)
        if until(item):
            return seen
    return seen


def test_a_lost_camera_is_found_again_and_the_numbers_go_on(caplog):
    first = ScriptedFeed(numbered(0), numbered(1))
    second = ScriptedFeed(*map(numbered, range(2, 30)), hangs=True)
    again = opener(first, None, None, None, second)
    with Live(again, "webcam", give_up_s=None) as source:
        seen = beats(source, lambda item: isinstance(item, Frame) and item.index >= 2)
        second.go_on.set()
    gaps = [item for item in seen if isinstance(item, Gap)]
    taken = [item for item in seen if isinstance(item, Frame)]
    assert [gap.reason for gap in gaps] == ["unplugged"]
    assert isinstance(seen[-2], Gap)
    assert gaps[0].since_ns == taken[-2].time_ns  # nothing was made up in between
    assert [number_of(frame.image) for frame in taken] == [frame.index for frame in taken]
    assert first.released.is_set()
    assert "unplugged; trying again until it is back" in caplog.text
    assert "webcam is back after" in caplog.text
    assert source.captured == len(taken) + source.dropped


def test_silence_is_a_gap_too_and_ends_by_itself(monkeypatch):
    """A stall clock besides what reading returns: here it never returns."""
    monkeypatch.setattr(live, "STALL_S", 0.05)

    class Sleeper(ScriptedFeed):
        def read(self):
            if len(self.pictures) == 1:
                self.go_on.wait()
            return super().read()

    feed = Sleeper(numbered(0), numbered(1), fps=1000.0, hangs=True)
    with Live(opener(feed), "sleepy", give_up_s=None) as source:
        seen = beats(source, lambda item: isinstance(item, Gap))
        assert "sleepy gave no frame" in seen[-1].reason
        feed.go_on.set()
        seen = beats(source, lambda item: isinstance(item, Frame))
        assert seen[-1].index == 1


def test_a_read_that_hangs_is_left_to_itself_and_the_camera_opened_anew(monkeypatch):
    monkeypatch.setattr(live, "STALL_S", 0.02)
    monkeypatch.setattr(live, "HUNG_S", 0.05)
    hung = ScriptedFeed(numbered(0), fps=None, hangs=True)
    fresh = ScriptedFeed(*map(numbered, range(1, 20)), fps=None, hangs=True)
    with Live(opener(hung, fresh), "stubborn", give_up_s=None) as source:
        beats(source, lambda item: isinstance(item, Frame) and item.index >= 1)
        assert not hung.released.is_set()
        hung.go_on.set()
        assert hung.released.wait(10)  # it lets go as soon as it can
        fresh.go_on.set()


def test_after_enough_waiting_it_is_given_up():
    with (
        Live(opener(ScriptedFeed(numbered(0)), None), "gone", give_up_s=0.3) as source,
        pytest.raises(SourceError, match="unplugged; given up after 0 s"),
    ):
        for _ in source:
            pass


def test_a_camera_that_comes_back_in_another_size_is_not_taken():
    other = ScriptedFeed(*[numbered(5, (128, 96))] * 1000)
    again = opener(ScriptedFeed(numbered(0)), other)
    with Live(again, "shrunk", give_up_s=1.0) as source:
        taken = []
        with pytest.raises(SourceError, match="gives pictures of 128x96, not 64x48; given up"):
            taken.extend(source)
    assert [frame.image.shape for frame in taken] == [(48, 64, 3)]


def test_times_that_do_not_rise_are_moved_on():
    class Backwards(ScriptedFeed):
        def read(self):
            image, _ = super().read()
            return image, 1000 - len(self.pictures)

    class Frozen(ScriptedFeed):
        def read(self):
            return super().read()[0], 1000

    for kind in (Backwards, Frozen):
        with Live(opener(kind(*map(numbered, range(8)))), "clock") as source:
            times = []
            with pytest.raises(SourceError):
                times.extend(frame.time_ns for frame in source)
        assert times == sorted(set(times))


def test_a_camera_slower_than_it_promises_is_told(caplog):
    slow = ScriptedFeed(*[numbered(0)] * 100, fps=1000.0)
    with Live(opener(slow), "Nice Cam", about={}) as source, pytest.raises(SourceError):
        list(source)
    assert "Nice Cam promises 1000 frames per second and sends" in caplog.text
    caplog.clear()
    slow = ScriptedFeed(*[numbered(0)] * 100, fps=1000.0)
    with Live(opener(slow), "a stream") as source, pytest.raises(SourceError):
        list(source)
    assert "promises" not in caplog.text  # a stream's rate is a guess


def test_a_camera_that_is_not_there():
    for backend in BACKENDS:
        with pytest.raises(SourceError, match="no camera at 97"):
            open_camera(Camera(97, "camera 97", "97", 97), CameraSettings(backend=backend))


def test_a_camera_says_what_it_is_what_was_asked_and_in_which_mode(monkeypatch, caplog):
    caplog.set_level("INFO", "realtime")
    webcam = Camera(2, "Nice Cam", "usb:046d:0825:1-5", "/dev/video2")
    feed = ScriptedFeed(numbered(0), hangs=True)
    feed.got = {"gain": 7.0}
    monkeypatch.setattr(feed_opencv, "open_camera", lambda *_: feed)
    with open_camera(webcam, CameraSettings(size=(1280, 720), fps=60.0, gain=7)) as source:
        assert source.camera == {
            "id": "usb:046d:0825:1-5",
            "name": "Nice Cam",
            "index": 2,
            "backend": "opencv",
            "asked": {"size": [1280, 720], "fps": 60.0, "gain": 7},
            "mode": {"size": [64, 48], "fps": 30.0, "pixels": "MJPG", "gain": 7.0},
        }
        feed.go_on.set()
    said = "Nice Cam: asked for 1280x720, 60 fps, gain 7, got 64x48, 30 fps, MJPG, gain 7.0 instead"
    assert said in caplog.text
    same = {**source.camera, "asked": {"size": [64, 48], "exposure": "auto"}}
    assert not compared(same).endswith("instead")
    other = ScriptedFeed(numbered(0), hangs=True)
    with Live(opener(other), "a stream") as source:
        assert source.camera is None
        other.go_on.set()


def test_a_replugged_camera_is_opened_by_its_id(monkeypatch):
    """Its device file has another number then; whatever has the old one is not opened."""
    opened = []
    feeds = [ScriptedFeed(numbered(0)), ScriptedFeed(*map(numbered, range(1, 9)), hangs=True)]

    def opening(camera, settings):
        opened.append(camera.device)
        return feeds.pop(0)

    monkeypatch.setattr(feed_av, "open_camera", opening)
    moved = Camera(4, "Nice Cam", "usb:046d:0825:1-5", "/dev/video4")
    looks = [None, None, moved]
    monkeypatch.setattr(live, "find_camera", lambda own: own == moved.id and looks.pop(0))
    webcam = Camera(2, moved.name, moved.id, "/dev/video2")
    last = feeds[-1]
    with open_camera(webcam, CameraSettings(backend="pyav", give_up_s=None)) as source:
        beats(source, lambda item: isinstance(item, Frame) and item.index > 0)
        last.go_on.set()
    assert opened == ["/dev/video2", "/dev/video4"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stream_is_found_again_at_its_address(backend):
    with Webcam(lambda number: numbered(number % 40), fps=100.0) as webcam:
        settings = CameraSettings(backend=backend, give_up_s=None)
        with open_source(webcam.url, settings) as source:
            beats(source, lambda item: isinstance(item, Frame) and item.index > 2)
            webcam.unplug()
            beats(source, lambda item: isinstance(item, Gap))
            webcam.plug()
            seen = beats(source, lambda item: isinstance(item, Frame))
    assert isinstance(seen[-1], Frame)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("grab")]
