import cv2
import numpy as np
import pytest
from moving import SIZE, panned, wall

from train.camera import Landmarks, camera_moves, greyed


def test_a_known_motion_is_found() -> None:
    large = wall()
    turn = cv2.getRotationMatrix2D((160, 120), 4.0, 1.05)
    turn[:, 2] += (6.0, -3.5)
    one = greyed(large[: SIZE[1], : SIZE[0]])
    two = cv2.warpAffine(one, turn, SIZE, borderMode=cv2.BORDER_REFLECT)
    found = Landmarks.of(one).register(two, np.eye(2, 3))
    corners = np.array([[[0, 0]], [[319, 0]], [[0, 239]], [[319, 239]]], np.float64)
    back = cv2.transform(cv2.transform(corners, turn), found)
    assert np.linalg.norm(back - corners, axis=-1).max() < 0.5


def test_another_scene_is_not_registered() -> None:
    one, two = (greyed(wall(seed)[: SIZE[1], : SIZE[0]]) for seed in (0, 1))
    assert Landmarks.of(one).register(two, np.eye(2, 3)) is None


def test_a_bare_wall_and_a_lone_subject_say_nothing() -> None:
    bare = np.full((240, 320), 128, np.uint8)
    assert not Landmarks.of(bare).usable
    lone = bare.copy()
    rng = np.random.default_rng(0)
    lone[100:140, 150:190] = rng.integers(0, 255, (40, 40), np.uint8)
    assert not Landmarks.of(lone).usable
    frames = [cv2.cvtColor(np.roll(lone, 8 * n, axis=1), cv2.COLOR_GRAY2BGR) for n in range(8)]
    assert not camera_moves(frames)


@pytest.mark.parametrize(
    ("speed", "shake", "moves"), [(0, 0, False), (2, 0, True), (0, 2.0, True), (12, 1.0, True)]
)
def test_whether_the_camera_moves(speed: float, shake: float, moves: bool) -> None:
    assert camera_moves(panned(30, speed, shake)[0][::3]) is moves


def test_noise_is_no_motion() -> None:
    rng = np.random.default_rng(0)
    frames = [frame + rng.normal(0, 4, frame.shape) for frame in panned(24, 0, 0)[0][::3]]
    assert not camera_moves([frame.clip(0, 255).astype(np.uint8) for frame in frames])
