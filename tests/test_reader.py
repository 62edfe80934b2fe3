import numpy as np
import pytest

from engines import Skeleton
from engines.lookalikes import Reading, read
from realtime.reader import INSIST, Reader

SURE = np.array([0.9, 0.8, 0.7, 0.8], np.float32)  # mean 0.8
TURNED, SWAPPED = Reading(turned=True), Reading(swapped=True)


def walking(count: int) -> np.ndarray:
    """(N, 4, 2) a mouse that walks to the left and turns a little."""
    pose = np.array([[0, 0], [8, -6], [8, 6], [40, 0]], np.float64)
    angle = 0.05 * np.arange(count)
    spin = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1)
    poses = pose @ spin.reshape(-1, 2, 2).transpose(0, 2, 1)
    path = np.array([200, 100]) - np.arange(count)[:, None, None] * [3, 0]
    return (poses + path).astype(np.float32)


@pytest.mark.parametrize("wrong", [TURNED, SWAPPED, Reading(swapped=True, turned=True)])
def test_a_flicker_does_not_appear(wrong: Reading, mouse_skeleton: Skeleton) -> None:
    """Every third answer is wrong; the doubt never comes near."""
    reader = Reader(mouse_skeleton)
    for n, pose in enumerate(walking(60)):
        answer = read(pose, wrong, mouse_skeleton) if n % 3 == 2 else pose
        points, _ = reader.read(answer, SURE)
        np.testing.assert_allclose(points, pose, atol=1e-3)


def test_a_wrong_start_is_corrected_once_the_network_insists(mouse_skeleton: Skeleton) -> None:
    reader = Reader(mouse_skeleton)
    poses = walking(30)
    reader.read(read(poses[0], TURNED, mouse_skeleton), SURE)
    right = [np.allclose(reader.read(pose, SURE)[0], pose, atol=1e-3) for pose in poses[1:]]
    patience = int(np.ceil(INSIST / SURE.mean()))
    assert right == [False] * (patience - 1) + [True] * (len(right) - patience + 1)


def test_the_surer_the_network_the_sooner_it_is_believed(mouse_skeleton: Skeleton) -> None:
    def patience(confidence: float) -> int:
        reader = Reader(mouse_skeleton)
        pose = walking(1)[0]
        trust = np.full(4, confidence, np.float32)
        reader.read(read(pose, TURNED, mouse_skeleton), trust)
        for n in range(1, 100):
            if np.allclose(reader.read(pose, trust)[0], pose, atol=1e-3):
                return n
        raise AssertionError

    assert patience(0.99) < patience(0.6) < patience(0.4)


def test_a_network_that_contradicts_itself_in_every_other_frame_is_held(
    mouse_skeleton: Skeleton,
) -> None:
    reader = Reader(mouse_skeleton)
    for n, pose in enumerate(walking(200)):
        answer = read(pose, TURNED, mouse_skeleton) if n % 2 else pose
        np.testing.assert_allclose(reader.read(answer, SURE)[0], pose, atol=1e-3)


def test_confidence_goes_with_its_place(mouse_skeleton: Skeleton) -> None:
    reader = Reader(mouse_skeleton)
    pose = walking(1)[0]
    reader.read(pose, SURE)
    _, confidence = reader.read(read(pose, SWAPPED, mouse_skeleton), SURE)
    np.testing.assert_array_equal(confidence, SURE[[0, 2, 1, 3]])
    _, confidence = reader.read(read(pose, TURNED, mouse_skeleton), SURE)
    np.testing.assert_array_equal(confidence, SURE)


def test_reset_is_a_fresh_reader(mouse_skeleton: Skeleton) -> None:
    pose = walking(1)[0]
    other = read(pose, TURNED, mouse_skeleton)
    reader = Reader(mouse_skeleton)
    for _ in range(3):
        reader.read(pose, SURE)
        reader.read(other, SURE)
    reader.reset()
    np.testing.assert_array_equal(reader.read(other, SURE)[0], other)
    np.testing.assert_allclose(reader.read(pose, SURE)[0], other, atol=1e-3)


def test_a_subject_with_an_up_passes_unchanged(face_skeleton: Skeleton) -> None:
    reader = Reader(face_skeleton)
    pose = np.random.default_rng(0).normal(0, 30, (68, 2)).astype(np.float32)
    sure = np.ones(68, np.float32)
    for answer in (pose, pose[list(face_skeleton.flipped)], pose):
        points, confidence = reader.read(answer, sure)
        assert points is answer
        assert confidence is sure
