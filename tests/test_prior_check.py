import numpy as np
import pytest
from toy import TRIANGLE, tiny_config, toy_prior, triangles

from train.prior import Prior
from train.prior_check import align, check_prior, spread

CONFIG = tiny_config(size=64, zoom=1.0)


def said(poses: np.ndarray) -> list[str]:
    return [str(f) for f in check_prior(Prior(poses.astype(np.float32), TRIANGLE), CONFIG, "p.csv")]


def test_a_good_prior_is_passed_in_silence() -> None:
    assert said(toy_prior(60).poses) == []


@pytest.mark.parametrize(("count", "severity"), [(1, "stop"), (2, "stop"), (8, "warning")])
def test_copies_do_not_count(count: int, severity: str) -> None:
    poses = np.tile(toy_prior(count).poses, (20, 1, 1))
    poses = poses + np.random.default_rng(0).uniform(-0.1, 0.1, (len(poses), 1, 2))  # elsewhere
    first = check_prior(Prior(poses.astype(np.float32), TRIANGLE), CONFIG, "p.csv")[0]
    assert first.severity == severity
    assert f"only {count} distinct poses among {20 * count}" in first.what
    assert first.where == "p.csv"


def test_poses_too_small_or_too_large_for_their_frames() -> None:
    poses = toy_prior(60).poses
    (small,) = said(poses * 0.2)
    assert "p.csv: poses are 5 px large in a skeleton image of 64 px" in small
    (large,) = said(poses * 2.6)
    assert "reach over the edge" in large


def test_a_keypoint_that_never_moves_against_the_others(mouse_skeleton) -> None:
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 0.2, (60, 4, 2)).astype(np.float32)
    assert check_prior(Prior(poses, mouse_skeleton), CONFIG, "p") == []
    stiff = np.tile(poses[:1], (60, 1, 1)) + rng.normal(0, 0.1, (60, 1, 2))
    findings = check_prior(Prior(stiff.astype(np.float32), mouse_skeleton), CONFIG, "p")
    assert any("1 distinct" in own.what for own in findings)


def test_alignment_takes_place_size_and_turn_out() -> None:
    rng = np.random.default_rng(0)
    pose = triangles(1, rng)[0]
    angle, size = rng.uniform(-3, 3, 30), rng.uniform(0.5, 2, 30)
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1)
    many = pose @ (turn.reshape(-1, 2, 2) * size[:, None, None]) + rng.normal(0, 1, (30, 1, 2))
    np.testing.assert_allclose(spread(many), 0, atol=1e-6)
    np.testing.assert_allclose(align(many), np.broadcast_to(align(many)[0], (30, 3, 2)), atol=1e-6)


def test_spread_is_that_of_the_keypoint_that_moves() -> None:
    rng = np.random.default_rng(0)
    square = np.array([[x, y] for x in np.linspace(-1, 1, 5) for y in np.linspace(-1, 1, 5)])
    many = np.tile(square, (400, 1, 1))
    many[:, 12] += rng.normal(0, 0.1, (400, 2))  # the middle one; 0.1·√2 over a side of 2
    found = spread(many)
    assert found[12] == pytest.approx(0.1 * np.sqrt(2) / 2, rel=0.1)
    assert np.delete(found, 12).max() < 0.01
