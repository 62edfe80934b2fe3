import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from test_subject import walk
from toy import write_video

from engines import DataError, Roi
from engines.geometry import crop
from train.footage import load_footage, read_roi, roi_text
from train.videos import read_frames


@pytest.fixture(scope="module")
def roaming(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("videos") / "roaming.avi", walk(60)[0])


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """A subject that fills the frame and only trembles."""
    rng = np.random.default_rng(0)
    face = cv2.resize(rng.integers(0, 255, (8, 8, 3), np.uint8), (96, 64))
    return write_video(tmp_path / "still.avi", [np.roll(face, n % 3, axis=1) for n in range(30)])


def test_a_frame_is_its_own_roi(still: Path) -> None:
    footage, framing = load_footage([still], "frame", 200)
    (clip,) = footage.clips
    assert (framing, clip.name, len(footage)) == ("frame", "still.avi", 30)
    assert clip.rois == [Roi(47.5, 31.5, 96)] * 30
    assert clip.images[0].shape == (64, 96, 3)


def test_frames_are_kept_at_the_asked_for_size(still: Path) -> None:
    footage, _ = load_footage([still], "frame", 48)
    assert footage.clips[0].images[0].shape == (32, 48, 3)
    assert footage.clips[0].rois[0].size == pytest.approx(48)


def test_motion_follows_the_subject(roaming: Path) -> None:
    footage, framing = load_footage([roaming], "motion", 64)
    (clip,) = footage.clips
    assert framing == "pose"
    assert len(clip.images) >= 58
    for image, roi in zip(clip.images, clip.rois, strict=True):
        assert roi.size == pytest.approx(64, rel=0.03)
        assert max(image.shape) <= 132  # not the whole frame
        near = image[int(roi.y + 0.5), int(roi.x + 0.5)]
        assert near.max() < 40  # the dark subject is in the middle of its roi


def test_a_clip_knows_where_in_the_video_it_looks(roaming: Path) -> None:
    (clip,) = load_footage([roaming], "motion", 24)[0].clips
    assert len(clip.numbers) == len(clip.places) == len(clip.images)
    assert clip.numbers == sorted(set(clip.numbers))
    truth = walk(60)[1][clip.numbers]
    found = np.array([(place.x, place.y) for place in clip.places])
    assert np.linalg.norm(found - truth, axis=1).max() < 3  # video pixels, whatever is kept
    factors = [roi.size / place.size for roi, place in zip(clip.rois, clip.places, strict=True)]
    assert max(factors) < 0.5


def test_auto_chooses_by_what_it_sees(
    roaming: Path, still: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert load_footage([roaming], "auto", 64)[1] == "pose"
    assert "--roi motion" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert load_footage([still], "auto", 64)[1] == "frame"
    assert "--roi frame" in caplog.text


def test_bad_clips_among_good_ones_are_logged_by_name_and_left_out(
    still: Path, roaming: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text, empty = tmp_path / "text.mp4", tmp_path / "empty.mp4"
    text.write_text("no video\n" * 50)
    empty.touch()
    footage, _ = load_footage([text, still, empty], "frame", 64)
    assert [clip.name for clip in footage.clips] == ["still.avi"]
    assert "left out" in caplog.text
    assert "text.mp4" in caplog.text
    assert "empty.mp4" in caplog.text
    caplog.clear()
    short = write_video(tmp_path / "short.avi", walk(60)[0][:2])
    footage, _ = load_footage([text, roaming, short], "motion", 64)
    assert [clip.name for clip in footage.clips] == ["roaming.avi"]
    assert "text.mp4" in caplog.text
    assert "short.avi: a background needs at least 3 frames" in caplog.text


@pytest.mark.parametrize("mode", ["frame", "motion", "auto"])
def test_a_single_bad_file_is_named_once_with_what_is_wrong(
    mode, tmp_path: Path, capfd, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "text.mp4"
    file.write_text("no video\n" * 50)
    with caplog.at_level(logging.INFO), pytest.raises(DataError, match=r"text\.mp4: not a video"):
        load_footage([file], mode, 64)
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


def test_one_frame_is_too_little(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DataError, match="two frames"):
        load_footage([tmp_path], "frame", 64)


def test_a_folder_without_readable_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_text("nothing")
    for mode in ("frame", "motion", "auto"):
        with pytest.raises(DataError, match=tmp_path.name):
            load_footage([tmp_path], mode, 64)


def test_motion_without_motion_is_refused(still: Path, tmp_path: Path) -> None:
    room = np.full((64, 96, 3), 128, np.uint8)
    file = write_video(tmp_path / "room.avi", [room] * 20)
    with pytest.raises(DataError, match=r"room\.avi: no subject found"):
        load_footage([file], "motion", 64)


def test_a_named_square_is_the_crop_at_that_place(roaming: Path) -> None:
    """As if the video had been cropped to it: the same pixels, the same framing of poses."""
    box = read_roi("40,30,120")
    footage, framing = load_footage([roaming], box, 500)
    (clip,) = footage.clips
    assert framing == "frame"
    frames = list(read_frames(roaming))
    assert len(clip.images) == len(frames)
    for image, roi, frame in zip(clip.images[::9], clip.rois[::9], frames[::9], strict=True):
        np.testing.assert_array_equal(crop(image, roi, 120), frame[30:150, 40:160])


def test_squares_are_written_as_they_are_read() -> None:
    assert read_roi("10,20,64") == Roi(41.5, 51.5, 64)
    for text in ("10,20,64", "-3,0.5,31", "auto", "frame", "motion"):
        assert roi_text(read_roi(text)) == text
