import logging
import threading
from math import inf, nan

import cv2
import numpy as np
import pytest
from doubles import number_of, numbered

from realtime import pace
from realtime.source import SourceError
from realtime.video import Timeline, VideoFile, open_video


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.avi", 12)


def write_clip(path, frames):
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, 25, (64, 48))
    for number in range(frames):
        writer.write(numbered(number))
    writer.release()
    return path


def test_a_file_is_read_whole_in_order_with_its_own_times(clip):
    with open_video(clip) as source:
        frames = list(source)
    assert (source.live, source.fps, source.size, source.dropped) == (False, 25.0, (64, 48), 0)
    assert [number_of(frame.image) for frame in frames] == list(range(12))
    assert [frame.index for frame in frames] == list(range(12))
    assert {frame.dropped for frame in frames} == {0}
    assert np.allclose(np.diff([frame.time_ns for frame in frames]), 40e6, atol=1)


def test_frames_are_not_overwritten_by_later_ones(clip):
    with open_video(clip) as source:
        first, *_ = list(source)
    assert number_of(first.image) == 0


def test_closing_ends_the_iteration(clip):
    source = open_video(clip)
    arriving = iter(source)
    next(arriving)
    source.close()
    source.close()
    assert list(arriving) == []


def test_played_in_real_time_it_waits_for_each_frame(clip, monkeypatch):
    clock = [0]
    naps = []

    def nap(seconds):
        naps.append(round(seconds, 6))
        clock[0] += round(seconds * 1e9)

    with open_video(clip, realtime=True) as source:
        clock[0] = source._first.time_ns
        monkeypatch.setattr(pace, "monotonic_ns", lambda: clock[0])
        monkeypatch.setattr(pace, "sleep", nap)
        assert len(list(source)) == 12
    assert naps == [0.04] * 11


def test_a_file_that_is_cut_off_is_read_to_the_cut_with_a_warning(tmp_path, caplog):
    path = write_clip(tmp_path / "long.avi", 40)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with caplog.at_level(logging.WARNING), open_video(path) as source:
        numbers = [number_of(frame.image) for frame in source]
    assert numbers == list(range(len(numbers)))
    assert 10 < len(numbers) < 35
    assert "long.avi: ends after" in caplog.text
    assert "of the 40 frames" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.mp4", None, "no file, folder or camera"),
        ("empty.mp4", b"", "an empty file"),
        ("text.mp4", b"these are words, not pictures\n" * 50, "not a video"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path, capfd, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        open_video(path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")  # OpenCV and FFmpeg keep quiet


def test_a_video_without_frames_is_refused():
    class Empty:
        def get(self, _):
            return 0.0

        def read(self):
            return False, None

        def release(self):
            self.released = True

    capture = Empty()
    with pytest.raises(SourceError, match="without a readable frame"):
        VideoFile(capture, "hollow.mp4")
    assert capture.released


@pytest.mark.parametrize(
    ("positions", "stamps"),
    [
        ([0, 40, 80], [1000, 41000, 81000]),
        ([500, 540], [1000, 41000]),  # the first need not be at 0
        ([0, 40, 40, 120], [1000, 41000, 51000, 121000]),  # twice the same
        ([0, 40, 20, 50], [1000, 41000, 51000, 61000]),  # backwards
        ([0, nan, inf, 100], [1000, 11000, 21000, 101000]),
        ([nan, 300, 340], [1000, 11000, 41000]),
        ([0, -1, 2000], [1000, 11000, 2001000]),
    ],
)
def test_times_always_rise(positions, stamps):
    timeline = Timeline(start_ns=1_000_000_000, period_ns=10_000_000)
    assert [timeline.stamp(position) // 1_000_000 for position in positions] == [
        stamp // 1000 + 999 for stamp in stamps
    ]


def test_the_reading_thread_ends_with_the_source(tmp_path):
    """Also when it is closed between two frames, with the next one on its way."""
    path = write_clip(tmp_path / "clip.avi", 20)
    with open_video(path) as source:
        for frame in source:
            if frame.index == 5:
                source.close()
        assert frame.index == 5
    assert not [own for own in threading.enumerate() if str(path) in own.name]
