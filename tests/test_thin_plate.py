import numpy as np
from toy import dotted, found_dots, triangles

from train.thin_plate import thin_plate

SIZE = 64


def picture_of(pose: np.ndarray) -> np.ndarray:
    return dotted((pose + 1) * SIZE / 2 - 0.5, (SIZE, SIZE))


def test_dots_go_where_they_are_sent() -> None:
    poses = triangles(6, np.random.default_rng(0))
    for pose, keypoints in zip(poses[:3], poses[3:], strict=True):
        moved = thin_plate(picture_of(pose), pose, keypoints)
        np.testing.assert_allclose(found_dots(moved), keypoints, atol=0.03)


def test_a_pose_that_stays_leaves_the_picture() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    ring = np.random.default_rng(2).uniform(-0.7, 0.7, (12, 2)).astype(np.float32)
    same = thin_plate(picture, ring, ring)
    assert np.abs(same.astype(int) - picture).max() <= 2


def test_keypoints_that_coincide_are_no_trouble() -> None:
    pose = np.zeros((4, 2), np.float32)
    picture = picture_of(triangles(1, np.random.default_rng(0))[0])
    assert thin_plate(picture, pose, pose + 0.1).shape == picture.shape
