from dataclasses import replace

import numpy as np
import pytest
from posed_world import dot_clips, tiny_decoder
from toy import TRIANGLE, found_dots

from train.posed_batches import PosedBatch, draw_pairs, elastic

CONFIG = tiny_decoder(batch=8, size=64, margin=2.5)


def drawn(step: int = 0, *, still: bool = True, **changes) -> PosedBatch:
    return draw_pairs(dot_clips(still=still), TRIANGLE, replace(CONFIG, **changes), step)


def check(pictures: np.ndarray, keypoints: np.ndarray) -> None:
    """Keypoints are where the dots are; a mirrored picture has its left on the other side."""
    for picture, points in zip(pictures, keypoints, strict=True):
        found = found_dots(picture)
        mirrored = found[list(TRIANGLE.flipped)]
        off = min(np.abs(points - own).max() for own in (found, mirrored))
        assert off < 0.05


@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_keypoints_go_with_their_pictures(apart: float) -> None:
    for step in range(3):
        batch = drawn(step, apart=apart, bend=0.02)
        check(batch.references, batch.poses)
        check(batch.frames, batch.keypoints)
        assert batch.apart.all() == bool(apart)


def test_a_step_has_its_own_pairs_every_time_the_same() -> None:
    one, again, other = drawn(5), drawn(5), drawn(6)
    for name in vars(one):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    assert not np.array_equal(one.frames, other.frames)


def test_where_the_camera_moves_all_are_apart() -> None:
    assert drawn(still=False, apart=0.0).apart.all()


def test_both_are_in_the_same_light_and_mirrored_together() -> None:
    """The dots that are a clip's brightest red, green and blue in the one are so in the other."""
    batch = drawn(apart=0.0, shift=0.0, scale=0.0, turn=0.0)
    light = [p.reshape(len(p), -1, 3).max(axis=1) for p in (batch.references, batch.frames)]
    assert np.abs(light[0].astype(int) - light[1]).max() <= 40
    sides = [np.sign(k[:, 0, 0] - k[:, 1, 0]) for k in (batch.poses, batch.keypoints)]
    np.testing.assert_array_equal(*sides)


@pytest.mark.parametrize("bend", [0.0, 0.05])
def test_a_bent_picture_takes_its_keypoints_along(bend: float) -> None:
    clip = dot_clips().clips[0]
    points = (clip.points_px[0] + 0.5) / 32 - 1
    for seed in range(4):
        picture, places = elastic(clip.images[0], points, bend, np.random.default_rng(seed))
        np.testing.assert_allclose(places, found_dots(picture), atol=0.03)
        assert (np.abs(places - points).max() > 1e-3) == (bend > 0)
