from pathlib import Path

import numpy as np
import pytest
from boxes import CARD, box, see
from toy import write_video

from engines import DataError, Roi
from engines.fake import FakeEngine
from engines.geometry import Image
from train import sighting as module
from train.sighting import find, sighted


def engine() -> FakeEngine:
    return FakeEngine(CARD, see)


def holds_the_box(image: Image, roi: Roi) -> bool:
    """Whether the square is that round the bright box of `image`, margin and all."""
    rows, columns = np.nonzero(image[..., 0] > 100)
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    off = max(abs(roi.x - columns.mean()), abs(roi.y - rows.mean()))
    return off < side / 10 and abs(roi.size / (CARD.margin * side) - 1) < 0.15


@pytest.mark.parametrize(("x", "y", "side"), [(300, 200, 60), (20, 30, 90), (500, 380, 80)])
def test_the_subject_is_found_anywhere_and_followed_from_where_it_was(x, y, side) -> None:
    image = box(x, y, side)
    roi = find(engine(), image, None)
    assert roi is not None
    assert holds_the_box(image, roi)
    follower = engine()
    moved = box(x + side // 6, y, side)
    again = find(follower, moved, roi)
    assert again is not None
    assert holds_the_box(moved, again)
    assert follower.calls == 1  # no sweep


def test_a_subject_that_jumps_is_searched_again_and_none_is_none() -> None:
    image = box(500, 350)
    roi = find(engine(), image, Roi(60, 60, 120))
    assert roi is not None
    assert holds_the_box(image, roi)
    assert find(engine(), box(-1, 0), None) is None
    assert find(engine(), box(-1, 0), Roi(60, 60, 120)) is None


def test_answers_that_are_no_numbers_are_no_subject() -> None:
    def broken(crops: Image):
        found = see(crops)
        return found._replace(keypoints=found.keypoints * np.nan, confidence=found.confidence * 0)

    assert find(FakeEngine(CARD, broken), box(100, 100), None) is None


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A box on its way; in the middle it is not there."""
    images = [box(40 + 4 * n if not 10 <= n < 16 else -1, 100) for n in range(30)]
    return write_video(tmp_path / "box.avi", images)


def test_frames_without_the_subject_are_left_out(video: Path) -> None:
    (clip,) = sighted([video], engine(), "model").clips
    assert len(clip.images) == len(clip.rois) == 24
    for image, roi in zip(clip.images, clip.rois, strict=True):
        assert holds_the_box(image, roi)
        assert roi.size < 1.3 * CARD.size * module.KEEP  # kept small


@pytest.mark.parametrize("mode", ["model", "frame"])
def test_long_videos_are_thinned_evenly(mode, video: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_FRAMES", 10)
    (clip,) = sighted([video], engine(), mode).clips
    assert len(clip.images) == {"model": 8, "frame": 10}[mode]


def test_where_the_user_says_the_subject_fills_the_frame_the_square_is_drawn_closer(
    tmp_path: Path,
) -> None:
    images = [box(30 + n, 40, side=70, size=(160, 160)) for n in range(6)]
    (clip,) = sighted([write_video(tmp_path / "b.avi", images)], engine(), "frame").clips
    assert len(clip.images) == 6
    for image, roi in zip(clip.images, clip.rois, strict=True):
        assert holds_the_box(image, roi)


def test_an_empty_scene_has_no_clip(tmp_path: Path) -> None:
    video = write_video(tmp_path / "dark.avi", [box(-1, 0, size=(64, 64))] * 5)
    assert len(sighted([video], engine(), "model")) == 0


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    for name, words in (("text.mp4", "not a video"), ("none.mp4", "no such file")):
        with pytest.raises(DataError, match=words):
            sighted([tmp_path / name], engine(), "model")
