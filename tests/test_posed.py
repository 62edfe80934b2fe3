from pathlib import Path

import cv2
import numpy as np
import pytest
from boxes import CARD, CORNERS, box, see
from posed_world import dot_clips, tiny_decoder
from toy import write_video

from engines import DataError
from engines.fake import FakeEngine
from train.posed import PosedClip, load_posed

CONFIG = tiny_decoder(most_frames=8)


def engine() -> FakeEngine:
    return FakeEngine(CARD, see)


def corners(image: np.ndarray) -> np.ndarray:
    """Where the box of an image is, as pixel positions."""
    rows, columns = np.nonzero(image[..., 0] > 100)
    low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()])
    return low - 0.5 + CORNERS * (high - low + 1)


def check_places(clip: PosedClip) -> None:
    for image, points in zip(clip.images, clip.points_px, strict=True):
        side = np.ptp(corners(image), axis=0).max()
        np.testing.assert_allclose(points, corners(image), atol=side / 10)


def test_a_still_cameras_frames_share_one_frame_of_pixels(tmp_path: Path) -> None:
    places = np.linspace(200, 230, 20)
    video = write_video(tmp_path / "a.avi", [box(x, 150, 80) for x in places])
    (clip,) = load_posed([video], engine(), CONFIG).clips
    assert clip.still
    assert len({image.shape for image in clip.images}) == 1
    assert 5 <= len(clip.images) <= CONFIG.most_frames
    check_places(clip)
    x = clip.points_px[:, 0, 0]
    assert (np.diff(x) > 0).all()
    assert clip.images[0].shape[0] < 120  # kept small


def test_a_subject_that_goes_far_is_kept_frame_by_frame(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.avi", [box(x, 150) for x in np.linspace(20, 500, 8)])
    (clip,) = load_posed([video], engine(), CONFIG).clips
    assert not clip.still
    check_places(clip)


def test_pictures_of_several_sizes_are_of_no_still_camera(tmp_path: Path) -> None:
    for number, size in enumerate([(320, 240), (300, 240), (320, 240)]):
        cv2.imwrite(str(tmp_path / f"{number}.png"), box(100, 80, 60, size))
    (clip,) = load_posed([tmp_path], engine(), CONFIG).clips
    assert not clip.still
    check_places(clip)


def test_frames_without_the_subject_are_left_out_and_so_are_clips(tmp_path: Path) -> None:
    seen = [box(100 if n % 2 else -1, 80, 60, (320, 240)) for n in range(8)]
    write_video(tmp_path / "a.avi", seen)
    write_video(tmp_path / "b.avi", [box(-1, 0, 60, (320, 240))] * 4)
    (tmp_path / "c.avi").write_bytes(b"no video")
    (clip,) = load_posed([tmp_path], engine(), CONFIG).clips
    assert (clip.name, len(clip.images)) == ("a.avi", 4)


def test_where_nothing_is_found_that_is_said(tmp_path: Path) -> None:
    video = write_video(tmp_path / "b.avi", [box(-1, 0, 60, (320, 240))] * 4)
    with pytest.raises(DataError, match="finds its subject in no two frames"):
        load_posed([video], engine(), CONFIG)


def test_pairs_are_two_frames_of_one_clip_all_frames_equally_often() -> None:
    footage, rng = dot_clips(2, 6), np.random.default_rng(0)
    first = np.zeros((2, 6))
    for _ in range(1200):
        clip, i, j = footage.pair(rng)
        assert i != j
        assert 0 <= j < 6
        first[footage.clips.index(clip), i] += 1
    assert len(footage) == 12
    assert first.min() > 60
    assert first.max() < 140
