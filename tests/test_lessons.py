import numpy as np
import pytest
from toy import TRIANGLE, found_dots, tiny_config, toy_footage, triangles

from engines import Roi
from train import lessons as module
from train.lessons import Lesson, _beside, _pattern, _scrambled, draw_lesson, sure_frames
from train.pseudo import PseudoLabels


def truth_labels() -> PseudoLabels:
    points = (triangles(8, np.random.default_rng(6)) + 1) * 32 - 0.5
    return PseudoLabels([points.astype(np.float32)], [np.zeros(8, np.float32)])


def lesson(step: int = 0, **changes) -> Lesson:
    config = tiny_config(**({"tracker_size": 64, "distil_batch": 40} | changes))
    sure = [(0, f) for f in range(8)]
    return draw_lesson(toy_footage(), truth_labels(), sure, TRIANGLE, config, step)


@pytest.mark.parametrize("mirror", [False, True])
def test_keypoints_lie_on_the_dots_of_their_crop(
    mirror: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_roughened", lambda picture, rng: picture)
    own = lesson(mirror=mirror)
    whole = (own.size > 0) & (np.abs(own.keypoints).max(axis=(1, 2)) < 0.85) & (own.size > 0.5)
    assert whole.sum() >= 8
    flips = 0
    for picture, keypoints in zip(own.crops[whole], own.keypoints[whole], strict=True):
        dots = found_dots(picture)
        gaps = [
            np.linalg.norm(keypoints - places, axis=1).max()
            for places in (dots, dots[list(TRIANGLE.flipped)])
        ]
        assert min(gaps) < 2 / 64  # a pixel
        flips += gaps[1] < gaps[0]
    assert bool(flips) == mirror
    # named by what is seen: left is left, mirrored or not
    upright = own.keypoints[own.size > 0]
    assert (upright[:, 0, 0] < upright[:, 1, 0]).mean() > 0.95


def test_sizes_are_those_of_the_poses_and_zero_where_there_is_no_subject() -> None:
    own = lesson(distil_batch=300)
    there = own.size > 0
    assert 0.7 < there.mean() < 0.9  # a fifth is empty
    assert not own.keypoints[~there].any()
    # the larger side of the pose's box over half the crop; turning changes the box a little
    box = np.ptp(own.keypoints[there], axis=1).max(axis=1)
    np.testing.assert_allclose(box, own.size[there], rtol=0.45)
    assert own.size[there].min() > 2 / 3.5
    assert own.size[there].max() < 2 / 1.05
    assert np.ptp(own.size[there]) > 0.8


def test_the_same_step_gives_the_same_lesson() -> None:
    one, two, other = lesson(3), lesson(3), lesson(4)
    for name in ("crops", "keypoints", "size"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert not np.array_equal(one.crops, other.crops)


def test_sure_frames_are_those_with_little_doubt_or_the_surer_half() -> None:
    few = PseudoLabels([], [np.float32([0.01, 0.5]), np.float32([0.02, 0.03, np.inf])])
    assert sure_frames(few) == [(0, 0), (1, 0), (1, 1)]
    unsure = PseudoLabels([], [np.float32([0.4, 0.1, 0.3, 0.2])])
    assert sure_frames(unsure) == [(0, 1), (0, 3)]


def test_crops_beside_the_subject_barely_touch_it() -> None:
    rng = np.random.default_rng(0)
    image, pose = np.zeros((200, 300, 3), np.uint8), Roi(150, 100, 60)
    places = [_beside(image, pose, rng) for _ in range(200)]
    found = [place for place in places if place is not None]
    assert len(found) > 150
    assert max(place.overlap(pose) for place in found) < 0.2
    assert _beside(image, Roi(150, 100, 500), rng) is None  # no room


def test_scrambling_moves_the_tiles_and_keeps_all_of_them() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)

    def tiles(own: np.ndarray) -> list[bytes]:
        return [
            own[y : y + 16, x : x + 16].tobytes()
            for y in range(0, 64, 16)
            for x in range(0, 64, 16)
        ]

    scrambled = _scrambled(picture, np.random.default_rng(1))
    assert sorted(tiles(scrambled)) == sorted(tiles(picture))
    assert sum(a == b for a, b in zip(tiles(scrambled), tiles(picture), strict=True)) < 6


def test_patterns_go_from_plain_to_busy() -> None:
    rng = np.random.default_rng(0)
    patterns = [_pattern(32, rng) for _ in range(60)]
    assert {(p.shape, p.dtype) for p in patterns} == {((32, 32, 3), np.dtype(np.uint8))}
    spreads = [p.std(axis=(0, 1)).mean() for p in patterns]
    assert min(spreads) < 12
    assert max(spreads) > 40
