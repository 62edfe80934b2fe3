from pathlib import Path

import numpy as np
import pytest
from moving import panned
from toy import write_video

from engines import DataError
from train.footage import load_footage
from train.motion import located, something_roams


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    frames, places = panned(60, 2)
    return write_video(tmp_path_factory.mktemp("pan") / "pan.avi", frames), places


def test_a_subject_before_a_panning_camera_is_located(pan: tuple[Path, np.ndarray]) -> None:
    path, places = pan
    pairs = list(located(path))
    gaps = [
        np.hypot(roi.x - x, roi.y - y)
        for (_, roi), (x, y) in zip(pairs, places, strict=True)
        if roi is not None
    ]
    assert len(gaps) > 50
    assert np.percentile(gaps, 95) < 3


def test_it_is_seen_to_roam_and_becomes_footage(pan: tuple[Path, np.ndarray]) -> None:
    assert something_roams(pan[0])
    footage, framing = load_footage([pan[0]], "auto", 64)
    assert framing == "pose"
    for image, roi in zip(footage.clips[0].images[5:-5:5], footage.clips[0].rois[5:-5:5]):  # noqa: B905
        assert image[round(roi.y), round(roi.x)].max() < 40  # the dark ellipse is in the middle


def test_a_camera_that_cannot_be_followed_is_refused_with_the_remedy(tmp_path: Path) -> None:
    leaps = [frame for seed in range(20) for frame in panned(1, 0, seed=seed)[0]]
    video = write_video(tmp_path / "leaps.avi", leaps)
    with pytest.raises(DataError, match=r"leaps\.avi: the camera moves.*--roi X,Y,SIZE"):
        list(located(video))


def test_parts_that_move_in_turn_are_no_subject_that_roams(tmp_path: Path) -> None:
    """As in a talking head before a still camera: now the mouth, now an eye."""
    rng = np.random.default_rng(0)
    still = rng.integers(60, 200, (120, 160, 3), np.uint8)
    frames = []
    for number in range(60):
        frame = still.copy()
        x, y, side = ((30, 30, 16), (110, 30, 20), (70, 90, 30))[number // 4 % 3]
        frame[y : y + side, x : x + side] = rng.integers(0, 256, (side, side, 3), np.uint8)
        frames.append(frame)
    assert not something_roams(write_video(tmp_path / "parts.avi", frames))
