import errno
import sys
import threading
from dataclasses import replace
from fractions import Fraction
from shutil import copytree

import av
import cv2
import numpy as np
import pytest
from doubles import FakeLive, FakeTracker, frames, number_of, numbered

from realtime import film as module
from realtime.film import Film
from realtime.fragments import Fragments
from realtime.frame import Frame
from realtime.memory import Memory
from realtime.recorder import Recorder
from realtime.repair import repair
from realtime.replay import open_replay
from realtime.session import SessionError, open_session
from realtime.timing import Timings
from realtime.verdict import validate

TIMES_NS = (
    10**15,
    10**15 + 33_333_333,
    10**15 + 33_333_999,
    10**15 + 5 * 10**9,
    10**15 + 5 * 10**9 + 1,
)


def make(path, given, *, lossless=False, fps=30.0, size=(64, 48)):
    film = Film(size, fps, lossless=lossless, waits=True)
    film.start(path)
    for frame in given:
        assert film.room(frame)
        film.put(frame)
    film.close()
    return film


def read(path):
    """Images and times in seconds, as OpenCV sees them."""
    capture = cv2.VideoCapture(str(path))
    images, times = [], []
    while True:
        ok, image = capture.read()
        if not ok:
            return images, times
        images.append(image)
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3)


def ticks(path):
    with path.open("rb") as file:
        fragments = Fragments(file)
        times = [time for fragment in fragments for time in fragment.times]
    assert not fragments.cut_off
    assert fragments.end <= path.stat().st_size
    return times, fragments.timescale


def test_frames_come_back_with_their_own_times(tmp_path):
    given = [Frame(numbered(i), i, time_ns) for i, time_ns in enumerate(TIMES_NS)]
    film = make(tmp_path / "v.mp4", given)
    assert (film.taken, film.written, film.error) == (5, 5, None)
    times, timescale = ticks(tmp_path / "v.mp4")
    assert timescale == 1_000_000
    assert times == [0, 33_333, 33_334, 5_000_000, 5_000_001]
    images, seen = read(tmp_path / "v.mp4")
    assert [number_of(image) for image in images] == [0, 1, 2, 3, 4]
    assert np.allclose(seen, np.array(times) / 1e6)
    with av.open(str(tmp_path / "v.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.time_base == Fraction(1, 1_000_000)
        assert [packet.pts for packet in container.demux(stream) if packet.size] == times


def test_long_films_have_short_fragments(tmp_path):
    make(tmp_path / "v.mp4", frames(100))
    with (tmp_path / "v.mp4").open("rb") as file:
        lengths = [len(fragment.times) for fragment in Fragments(file)]
    assert sum(lengths) == 100
    assert lengths[:4] == [1, 1, 2, 4]  # the beginning is soon on disk
    assert max(lengths) * 33_000 <= 250_000


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (64, 47)])
def test_a_lossless_film_is_exact_in_any_size(tmp_path, size):
    width, height = size
    noise = np.random.default_rng(0).integers(0, 256, (5, height, width, 3), np.uint8)
    given = [Frame(image, i, i * 10**7) for i, image in enumerate(noise)]
    make(tmp_path / "v.mp4", given, lossless=True, size=size)
    images, _ = read(tmp_path / "v.mp4")
    assert np.array_equal([image[:height, :width] for image in images], noise)


def test_where_there_is_no_x264_another_encoder_keeps_the_times(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "encoder", lambda *, lossless: "mpeg4")
    make(tmp_path / "v.mp4", frames(40))
    times, timescale = ticks(tmp_path / "v.mp4")
    assert np.allclose(np.array(times) / timescale, np.arange(40) * 0.033, atol=1 / timescale)
    images, _ = read(tmp_path / "v.mp4")
    assert len(images) == 40
    assert np.allclose([image.mean() for image in images], 10 + 6 * np.arange(40), atol=6)


def test_without_an_encoder_or_pyav_there_is_no_session(tmp_path, monkeypatch, mouse_skeleton):
    source = Memory([numbered(0)])
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(SessionError, match=r'without PyAV.*pip install "av"'):
        Recorder(tmp_path / "s", source, mouse_skeleton, video="lossy")
    monkeypatch.undo()
    monkeypatch.setattr(av.codec, "Codec", unknown)
    with pytest.raises(SessionError, match=r"no encoder libx264 or mpeg4; .* leave --video out"):
        Recorder(tmp_path / "s", source, mouse_skeleton, video="lossy")
    assert list(tmp_path.iterdir()) == []


def unknown(name, mode):
    raise av.codec.codec.UnknownCodecError(name)


def test_a_frame_of_another_size_is_left_out(tmp_path, mouse_skeleton):
    recorder = Recorder(tmp_path / "s", Memory([numbered(0)]), mouse_skeleton, video="lossy")
    stats = Timings()
    for frame in frames(3):
        image = numbered(0, (32, 32)) if frame.index == 1 else frame.image
        recorder.take(replace(frame, image=image), FakeTracker().pose, stats)
    assert stats.notice == "recording: 1 frames are missing in the video"
    recorder.close()
    session = open_session(tmp_path / "s")
    assert [record.video for record in session] == [0, None, 1]
    assert session.facts["end"]["video"] == {"frames": 2, "lost": 1}
    assert validate(tmp_path / "s").problems == []


def test_a_camera_does_not_wait_for_the_encoder(tmp_path, mouse_skeleton, monkeypatch):
    monkeypatch.setattr(module, "QUEUE", (2, 2))
    go_on, stuck = threading.Event(), threading.Event()
    picture = Film._picture

    def slow(film, *arguments):
        stuck.set()
        go_on.wait()
        return picture(film, *arguments)

    monkeypatch.setattr(Film, "_picture", slow)
    recorder = Recorder(tmp_path / "s", FakeLive(), mouse_skeleton, video="lossy")
    first, *others = frames(10)
    recorder.take(first, FakeTracker().pose, Timings())
    assert stuck.wait(10)
    for frame in others:
        recorder.take(frame, FakeTracker().pose, Timings())
    go_on.set()
    recorder.close()
    session = open_session(tmp_path / "s")
    assert [record.video for record in session] == [0, 1, 2] + [None] * 7
    assert session.facts["end"]["video"] == {"frames": 3, "lost": 7}
    assert [number_of(image) for image in read(session.video)[0]] == [0, 1, 2]
    assert validate(tmp_path / "s").problems == []


class Disk:
    """A raw file on a disk with room for so many bytes."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def write(self, data):
        part = data[: self._room]
        self._room -= len(part)
        if not part:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(part)

    def __getattr__(self, name):
        return getattr(self._file, name)


@pytest.mark.parametrize("room", [0, 500, 5000, 20_000])
def test_a_full_disk_ends_the_video_and_not_the_poses(
    tmp_path, mouse_skeleton, monkeypatch, room, caplog
):
    monkeypatch.setattr(module, "QUEUE", (2, 2))
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3), np.uint8)
    recorder = Recorder(tmp_path / "s", Memory(list(noise)), mouse_skeleton, video="lossy")
    recorder._film._file._file = Disk(recorder._film._file._file, room)
    for index, image in enumerate(noise):
        frame = Frame(image, index, index * 33_000_000)
        recorder.take(frame, FakeTracker().pose, Timings())
    with pytest.raises(SessionError, match=r"video stopped after \d+ frames \(No space left"):
        recorder.close()
    session = open_session(tmp_path / "s")
    assert len(list(session)) == 40
    end = session.facts["end"]
    assert end["video"]["error"] == "No space left on device"
    assert end["video"]["frames"] == (len(read(session.video)[0]) if session.video else 0)
    assert validate(tmp_path / "s").problems == []
    assert caplog.text.count("No space left") <= 1


@pytest.mark.parametrize("how_many", [0, 1, 2])
def test_a_film_has_its_name_once_it_plays(tmp_path, how_many):
    """The second frame ends the fragment of the first; closing ends that of a single one."""
    film = Film((64, 48), 30.0, lossless=False, waits=True)
    film.start(tmp_path / "v.mp4")
    for frame in frames(how_many):
        assert not (tmp_path / "v.mp4").exists()
        film.put(frame)
        while film.written <= frame.index:
            threading.Event().wait(0.001)
    film.close()
    assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"] * bool(how_many)
    assert len(read(tmp_path / "v.mp4")[0]) == how_many


def test_a_session_of_which_nothing_was_filmed_has_no_video(tmp_path, mouse_skeleton):
    recorder = Recorder(tmp_path / "s", FakeLive(), mouse_skeleton, video="lossy")
    recorder.take(frames(1)[0], FakeTracker().pose, Timings())
    while not recorder.written:
        threading.Event().wait(0.001)
    copytree(tmp_path / "s", tmp_path / "killed")  # what a kill at this moment leaves
    recorder.close()
    session = open_session(tmp_path / "killed")
    assert session.video is None
    with pytest.raises(SessionError, match="has no video"):
        open_replay(session.path)
    assert repair(session.path) == [session.path / "video.mp4.cut1"]
    verdict = validate(session.path)
    assert (verdict.valid, verdict.video_frames) == (True, None)
    assert "the video never began, 1 poses name one" in verdict.notes
    assert repair(session.path) == []


def test_a_session_without_frames_has_no_video(tmp_path, mouse_skeleton):
    Recorder(tmp_path / "s", FakeLive(), mouse_skeleton, video="lossy").close()
    assert open_session(tmp_path / "s").video is None
    assert validate(tmp_path / "s").to_text().splitlines()[3:] == ["video     none", "valid"]


def test_a_disk_that_is_full_at_the_very_end(tmp_path):
    """What the muxer writes when it is closed finds no room; closing goes on."""
    film = Film((64, 48), 30.0, lossless=False, waits=True)
    film.start(tmp_path / "v.mp4")
    for frame in frames(4):
        film.put(frame)
    while film.written < 4:
        threading.Event().wait(0.001)
    film._file._file = Disk(film._file._file, room=0)
    film.close()
    assert film.error.strerror == "No space left on device"
    assert film.written == len(read(tmp_path / "v.mp4")[0]) == 2  # whole fragments


def test_an_unfinished_session_has_a_video_that_plays(tmp_path):
    """Every fragment is on disk as soon as it is full: looked at before it is closed."""
    film = Film((64, 48), 30.0, lossless=False, waits=True)
    film.start(tmp_path / "v.mp4")
    for frame in frames(50):
        film.put(frame)
    while film.written < 50:
        threading.Event().wait(0.001)
    images, _ = read(tmp_path / "v.mp4")
    assert len(images) >= 50 - 8  # a fragment holds seven
    assert [number_of(image) for image in images] == [i % 40 for i in range(len(images))]
    film.close()
