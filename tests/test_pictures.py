import logging

import cv2
import numpy as np
import pytest
from doubles import number_of, numbered

from realtime.pictures import FPS, Pictures, read_picture
from realtime.source import SourceError


@pytest.fixture
def folder(tmp_path):
    for number in (10, 2, 1, 0):
        cv2.imwrite(str(tmp_path / f"frame_{number}.png"), numbered(number))
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_pictures_come_in_the_order_of_their_numbers(folder):
    with Pictures(folder) as source:
        frames = list(source)
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 10]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert np.allclose(np.diff([frame.time_ns for frame in frames]), 1e9 / FPS, atol=1)
    assert (source.size, source.live, source.dropped) == ((64, 48), False, 0)


@pytest.mark.parametrize("damaged", ["frame_0.png", "frame_2.png"])
def test_an_unreadable_picture_is_named_skipped_and_counted(folder, damaged, caplog):
    (folder / damaged).write_bytes(b"not a picture")
    (folder / "frame_11.png").touch()
    with caplog.at_level(logging.WARNING):
        source = Pictures(folder)
        frames = list(source)
    assert len(frames) == 3
    assert source.dropped == 2
    gone = int(damaged[6])
    assert [frame.index for frame in frames] == [i for i in range(4) if i != gone]
    assert sum(frame.dropped for frame in frames) == 1
    assert damaged in caplog.text
    assert "frame_11.png" in caplog.text


def test_opencv_keeps_quiet_about_damage(tmp_path, capfd):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    assert read_picture(tmp_path / "a.png") is None
    assert capfd.readouterr() == ("", "")


def test_a_single_picture_is_a_source(folder):
    with Pictures(folder / "frame_2.png") as source:
        assert [number_of(frame.image) for frame in source] == [2]


def test_grey_and_transparent_pictures_become_bgr(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((4, 6), 9, np.uint8))
    cv2.imwrite(str(tmp_path / "clear.png"), np.full((4, 6, 4), 9, np.uint8))
    assert [frame.image.shape for frame in Pictures(tmp_path)] == [(4, 6, 3)] * 2
    assert read_picture(tmp_path / "none.png") is None


def test_closing_ends_the_iteration(folder):
    source = Pictures(folder)
    arriving = iter(source)
    next(arriving)
    source.close()
    assert list(arriving) == []


def test_folders_that_are_of_no_use_are_refused(tmp_path):
    with pytest.raises(SourceError, match="a folder without pictures"):
        Pictures(tmp_path)
    with pytest.raises(SourceError, match="no file or folder"):
        Pictures(tmp_path / "none")
    (tmp_path / "a.jpg").write_bytes(b"?")
    with pytest.raises(SourceError, match="not one readable picture"):
        Pictures(tmp_path)
