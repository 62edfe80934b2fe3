from dataclasses import replace

import numpy as np
import pytest
from toy import TRIANGLE

from engines import Skeleton
from engines.lookalikes import Reading, lookalikes, read, readings

MOUSE = np.array([[10.0, 0.0], [7.0, 4.0], [13.0, 4.0], [10.0, 20.0]])  # heading up along x = 10


def test_a_subject_with_an_up_may_have_its_sides_exchanged() -> None:
    pose = np.array([[20.0, 40.0], [44.0, 40.0], [32.0, 20.0]])
    np.testing.assert_array_equal(lookalikes(pose, TRIANGLE), [pose, pose[[1, 0, 2]]])


def test_a_subject_seen_from_above_may_also_be_turned_end_for_end(mouse_skeleton: Skeleton) -> None:
    found = lookalikes(MOUSE, mouse_skeleton)
    assert found.shape == (4, 4, 2)
    np.testing.assert_array_equal(found[0], MOUSE)
    np.testing.assert_array_equal(found[1], MOUSE[[0, 2, 1, 3]])
    np.testing.assert_allclose(found[2], [[10, 20], [13, 16], [7, 16], [10, 0]])
    np.testing.assert_allclose(found[3], [[10, 20], [7, 16], [13, 16], [10, 0]])


def test_what_stands_upright_is_never_turned_end_for_end(
    mouse_skeleton: Skeleton, face_skeleton: Skeleton
) -> None:
    assert readings(face_skeleton) == (Reading(), Reading(swapped=True))
    upright = replace(mouse_skeleton, rotation="upright")
    assert not any(reading.turned for reading in readings(upright))


def test_without_pairs_or_heading_a_pose_has_one_reading(mouse_skeleton: Skeleton) -> None:
    plain = replace(mouse_skeleton, mirror=(), forward=None)
    np.testing.assert_array_equal(lookalikes(MOUSE, plain), [MOUSE])
    assert len(readings(replace(mouse_skeleton, mirror=()))) == 2


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_reading_twice_is_the_identity_for_any_leading_shape(
    swapped: bool, turned: bool, mouse_skeleton: Skeleton
) -> None:
    poses = np.random.default_rng(0).normal(0, 50, (5, 6, 4, 2)).astype(np.float32)
    reading = Reading(swapped, turned)
    once = read(poses, reading, mouse_skeleton)
    assert once.dtype == np.float32
    np.testing.assert_allclose(read(once, reading, mouse_skeleton), poses, atol=1e-4)
    np.testing.assert_allclose(once[2, 3], read(poses[2, 3], reading, mouse_skeleton))


def test_a_missing_end_leaves_the_turned_readings_missing(mouse_skeleton: Skeleton) -> None:
    pose = MOUSE.copy()
    pose[3] = np.nan
    found = lookalikes(pose, mouse_skeleton)
    assert np.isfinite(found[:2, :3]).all()
    assert np.isnan(found[2:]).all()
