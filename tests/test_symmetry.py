from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engines import Skeleton
from engines.geometry import Points
from engines.symmetry import Symmetry

FACE = Skeleton.load("face68")
SURE = np.ones(68, np.float32)
seeds = st.integers(0, 1000)
turns = st.floats(-1.5, 1.5)


def standing(seed: int, tall: float = 3.0) -> NDArray[np.float64]:
    """(68, 2): a pose that is its own mirror image about a vertical line, taller than wide."""
    pose = np.random.default_rng(seed).normal(0, 1, (68, 2)) * (1, tall)
    return np.asarray((pose + pose[list(FACE.flipped)] * (-1, 1)) / 2)


def turned(pose: NDArray[np.float64], angle: float) -> Points:
    """Clockwise as seen on screen, y down, and moved somewhere."""
    z = (pose[:, 0] + 1j * pose[:, 1]) * np.exp(1j * angle) + (7 - 5j)
    return np.stack([z.real, z.imag], axis=1).astype(np.float32)


@given(seeds, turns)
def test_the_turn_of_a_symmetric_pose_is_exact(seed: int, angle: float) -> None:
    assert Symmetry(FACE).turn(turned(standing(seed), angle), SURE) == pytest.approx(
        angle, abs=1e-5
    )


@given(seeds, turns, st.floats(0.01, 100))
def test_size_and_place_do_not_matter(seed: int, angle: float, scale: float) -> None:
    pose = turned(standing(seed), angle)
    turn = Symmetry(FACE).turn(pose, SURE)
    assert Symmetry(FACE).turn(pose * np.float32(scale), SURE) == pytest.approx(turn, abs=1e-3)


@given(seeds, turns)
def test_left_and_right_may_change_places(seed: int, angle: float) -> None:
    """As in a body that is seen from behind."""
    pose = turned(standing(seed), angle)
    swapped = pose[list(FACE.flipped)]
    assert Symmetry(FACE).turn(swapped, SURE) == pytest.approx(
        Symmetry(FACE).turn(pose, SURE), abs=1e-6
    )


def test_seen_from_the_side_the_middles_decide() -> None:
    pose = standing(0) * (0, 1)
    assert Symmetry(FACE).turn(turned(pose, 0.7), SURE) == pytest.approx(0.7, abs=1e-5)


def test_a_wide_pose_is_told_from_a_tall_one_by_its_pairs() -> None:
    pose = standing(0, tall=0.2)
    assert Symmetry(FACE).turn(turned(pose, 0.4), SURE) == pytest.approx(0.4, abs=1e-5)


def test_points_that_are_not_sure_do_not_count() -> None:
    pose, sure = turned(standing(3), 0.5), SURE.copy()
    astray = pose.copy()
    for number in (0, 8, 36):
        astray[number] += 1000
        sure[number] = 0
    assert Symmetry(FACE).turn(astray, sure) == pytest.approx(0.5, abs=0.02)
    assert abs(Symmetry(FACE).turn(astray, SURE) - 0.5) > 0.2


def test_no_axis_no_turn(mouse_skeleton: Skeleton) -> None:
    plain = Skeleton.from_dict({**FACE.to_dict(), "mirror": []})
    pose = turned(standing(0), 0.5)
    assert Symmetry(plain).turn(pose, SURE) == 0
    assert Symmetry(FACE).turn(pose, 0 * SURE) == 0
    assert Symmetry(FACE).turn(0 * pose, SURE) == 0
    mouse = np.float32([[0, 0], [1, 2], [2, 1], [5, 5]])
    assert Symmetry(mouse_skeleton).turn(mouse, SURE[:4]) == 0


def test_a_pose_that_is_round_has_no_axis() -> None:
    """Unpaired points on a circle: as far along any line as across it."""
    table = {
        "name": "ring",
        "keypoints": ["left", "right", *(f"k{n}" for n in range(12))],
        "limbs": [{"name": "all", "color": "#ffffff", "path": ["left", "right"]}],
        "mirror": [["left", "right"]],
    }
    round_ = np.exp(2j * pi * np.arange(12) / 12)
    pose = np.concatenate([[-0.1, 0.1], round_])
    points = np.stack([pose.real, pose.imag], axis=1).astype(np.float32)
    assert Symmetry(Skeleton.from_dict(table)).turn(points, np.ones(14, np.float32)) == 0
