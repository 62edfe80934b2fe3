import numpy as np
import pytest
import torch
from torch import Tensor

from train.flow import affine_map, bumps, identity, smooth_shift
from train.losses import looked_up

RING = torch.stack([torch.cos(torch.arange(12) * 0.5236), torch.sin(torch.arange(12) * 0.5236)], -1)
POSE = 0.5 * RING.unsqueeze(0)


def shown(pose: Tensor, keypoints: Tensor, side: int = 64) -> Tensor:
    """(B, side, side, 2): the place of the reference that each place shows."""
    return identity(side, pose) + smooth_shift(pose, keypoints, side).permute(0, 2, 3, 1)


def test_a_pose_that_stays_moves_nothing() -> None:
    assert smooth_shift(POSE, POSE, 32).abs().max() < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_an_affine_motion_is_followed_everywhere(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = torch.from_numpy(np.eye(2) + rng.normal(0, 0.2, (2, 2))).float()
    shift = torch.from_numpy(rng.normal(0, 0.2, (1, 2))).float()
    keypoints = POSE @ matrix + shift
    own, offset = affine_map(keypoints, POSE)
    torch.testing.assert_close(own[0], matrix, atol=4e-3, rtol=0)
    torch.testing.assert_close(offset[0], shift, atol=1e-5, rtol=0)
    places = identity(32, POSE)
    torch.testing.assert_close(
        shown(keypoints, POSE, 32), places @ matrix + shift, atol=8e-3, rtol=0
    )


def test_each_keypoint_shows_about_its_own_place_in_the_reference() -> None:
    torch.manual_seed(0)
    pose = POSE + 0.03 * torch.randn(4, 12, 2)
    keypoints = POSE + 0.03 * torch.randn(4, 12, 2)
    found = looked_up(shown(pose, keypoints), keypoints)
    before = (pose - keypoints).norm(dim=-1).mean()
    assert (found - pose).norm(dim=-1).mean() < 0.25 * before


def test_one_keypoints_own_motion_fades_away_from_it() -> None:
    pose = POSE.clone()
    pose[0, 0] += torch.tensor([0.05, 0.0])
    shift = smooth_shift(pose, POSE, 64)[0].norm(dim=0)
    x, y = ((POSE[0, 0] + 1) * 32).long().tolist()
    assert shift[y, x] > 0.03
    assert shift[:, :8].max() < 0.015  # the other side: its share of the affine map


@pytest.mark.parametrize("count", [1, 2, 12])
def test_keypoints_that_coincide_or_are_far_off_give_finite_flows(count: int) -> None:
    for pose in (torch.zeros(1, count, 2), torch.full((1, count, 2), 1e3)):
        assert smooth_shift(pose, torch.zeros(1, count, 2), 16).isfinite().all()
        assert smooth_shift(torch.zeros(1, count, 2), pose, 16).isfinite().all()


def test_one_keypoint_alone_shifts_the_picture() -> None:
    moved = smooth_shift(torch.full((1, 1, 2), 0.25), torch.zeros(1, 1, 2), 16)
    torch.testing.assert_close(moved, torch.full((1, 2, 16, 16), 0.25))


def test_a_bump_is_a_gaussian_at_its_keypoint() -> None:
    (heat,) = bumps(torch.tensor([[[1 / 64, -31 / 64]]]), 64, 0.1)[0]
    assert heat.argmax().item() == 16 * 64 + 32
    assert heat.max() == 1
    assert heat[16, 32 + 5].item() == pytest.approx(np.exp(-((10 / 64) ** 2) / 0.02), rel=1e-5)
