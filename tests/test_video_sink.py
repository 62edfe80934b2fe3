import av
import cv2
import numpy as np
import pytest
from doubles import FakeTracker, frames, number_of, numbered

from engines import DataError
from realtime import video_sink
from realtime.frame import Frame
from realtime.loop import run
from realtime.memory import Memory
from realtime.screen import Screen
from realtime.video import open_video
from realtime.video_sink import VideoSink


def write(path, captured, fps=30.0):
    sink = VideoSink(path, fps=fps)
    for frame in captured:
        sink.show(frame.image, frame)
    sink.close()
    with open_video(path) as source:
        return source.fps, [number_of(frame.image) for frame in source]


@pytest.mark.parametrize("name", ["out.mp4", "out.avi", "OUT.MP4"])
def test_pictures_come_back_in_order(tmp_path, name):
    fps, numbers = write(tmp_path / name, frames(20, step_ns=40_000_000), fps=25.0)
    assert fps == 25.0
    assert numbers == list(range(20))
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_it_plays_at_the_speed_of_the_capture(tmp_path):
    times_ms = (0, 100, 400, 430, 440, 450, 500)  # 10 Hz with a pause, then faster than the file
    captured = [Frame(numbered(i), i, t * 1_000_000) for i, t in enumerate(times_ms)]
    _, numbers = write(tmp_path / "v.avi", captured, fps=10.0)
    assert numbers == [0, 1, 1, 1, 2, 5]


def test_a_very_long_pause_is_shortened(tmp_path):
    captured = [Frame(numbered(i), i, t * 10**9) for i, t in enumerate((0, 3600, 3601))]
    _, numbers = write(tmp_path / "v.avi", captured, fps=2.0)
    assert numbers == [0, 1, 1, 2]


def test_until_it_is_closed_it_has_another_name(tmp_path):
    path = tmp_path / "v.mp4"
    path.write_text("the one before")
    sink = VideoSink(path)
    sink.show(numbered(0), frames(1)[0])
    assert path.read_text() == "the one before"
    sink.close()
    with open_video(path) as source:
        assert source.size == (64, 48)


def test_without_a_picture_there_is_no_file(tmp_path):
    VideoSink(tmp_path / "v.mp4").close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [("v.mov", "written as .mp4 or .avi"), ("none/v.mp4", "cannot be written")],
)
def test_a_path_of_no_use_is_refused_at_once(tmp_path, name, message):
    with pytest.raises(DataError, match=message):
        VideoSink(tmp_path / name)


def test_a_changed_size_is_an_error_and_what_was_written_plays(tmp_path):
    path = tmp_path / "v.avi"
    sink = VideoSink(path)
    first, second = frames(2)
    sink.show(first.image, first)
    with pytest.raises(DataError, match="follows one of"):
        sink.show(numbered(0, (32, 32)), second)
    sink.close()
    with open_video(path) as source:
        assert len(list(source)) == 1


class FullDisk:
    def __init__(self, *_):
        pass

    fourcc = staticmethod(cv2.VideoWriter.fourcc)

    def isOpened(self):
        return self.opens

    def write(self, _):
        return False

    def release(self):
        pass


def test_a_writer_that_does_not_open_or_write_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(video_sink.cv2, "VideoWriter", FullDisk)
    frame = frames(1)[0]
    FullDisk.opens = False
    with pytest.raises(DataError, match="cannot be opened"):
        VideoSink(tmp_path / "v.mp4").show(frame.image, frame)
    FullDisk.opens = True
    sink = VideoSink(tmp_path / "v.mp4")
    with pytest.raises(DataError, match="is the disk full"):
        sink.show(frame.image, frame)
    with pytest.raises(DataError, match="could not be finished"):
        sink.close()
    assert list(tmp_path.iterdir()) == []


def test_an_overlay_that_raises_leaves_a_playable_file(tmp_path):
    class Overlay:
        def draw(self, frame, pose, stats, settings=None, *, room=None, keys=None):
            if frame.index == 3:
                raise ValueError("drawing failed")
            return frame.image

    path = tmp_path / "v.mp4"
    source = Memory([numbered(i) for i in range(9)])
    with pytest.raises(ValueError, match="drawing failed"):
        run(source, FakeTracker(), [Screen(Overlay(), [VideoSink(path)])])
    with open_video(path) as written:
        assert [number_of(frame.image) for frame in written] == [0, 1, 2]


@pytest.mark.parametrize("name", ["out.mp4", "out.avi"])
def test_a_comment_is_in_the_file_and_changes_no_picture(tmp_path, name):
    captured = frames(9)
    for path, comment in ((tmp_path / f"plain-{name}", ""), (tmp_path / name, "made for a test")):
        sink = VideoSink(path, fps=25.0, comment=comment)
        for frame in captured:
            sink.show(frame.image, frame)
        sink.close()
        with av.open(str(path)) as file:
            assert file.metadata.get("comment", "") == comment
            assert file.streams.video[0].average_rate == 25
    plain, said = (
        [frame.image for frame in open_video(path)]
        for path in (tmp_path / f"plain-{name}", tmp_path / name)
    )
    np.testing.assert_array_equal(plain, said)
    assert {path.name for path in tmp_path.iterdir()} == {name, f"plain-{name}"}


def test_no_room_for_the_comment_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(video_sink.av, "open", full)
    sink = VideoSink(tmp_path / "o.mp4", comment="made for a test")
    sink.show(numbered(0), frames(1)[0])
    with pytest.raises(DataError, match="No space left"):
        sink.close()
    assert list(tmp_path.iterdir()) == []
