"""Where each pixel of a re-posed picture is taken from: closed forms from the keypoints alone.

All in crop space. The keypoints are those of the picture to be made, the pose those of the
reference; a flow says for each place of the new picture which place of the reference it shows. No
matrix product: TensorRT has no fp32 one on Turing.
"""

import torch
from torch import Tensor

from train.softargmax import centres

SOFTNESS = 1e-3  # holds the affine map to the identity where keypoints do not determine it
NOTHING = 0.3  # weight of staying with the coarser flow, against a keypoint's 1 at its place
REACHES = (0.24, 0.12, 0.06)  # of a keypoint's pull, standard deviations, coarse to fine


def affine_map(pose: Tensor, keypoints: Tensor) -> tuple[Tensor, Tensor]:
    """The affine map from `keypoints` to `pose`, each (B, K, 2), of least squares: (B, 2, 2) and
    (B, 1, 2), for rows: pose = keypoints @ matrix + shift."""
    centre, other = keypoints.mean(1, keepdim=True), pose.mean(1, keepdim=True)
    own = (keypoints - centre).unsqueeze(-1)  # (B, K, 2, 1)
    soft = SOFTNESS * torch.eye(2, dtype=pose.dtype, device=pose.device)
    square = (own * (keypoints - centre).unsqueeze(-2)).mean(1) + soft
    mixed = (own * (pose - other).unsqueeze(-2)).mean(1) + soft
    a, b, c, d = square[:, 0, 0], square[:, 0, 1], square[:, 1, 0], square[:, 1, 1]
    adjugate = torch.stack([d, -b, -c, a], dim=-1).view(-1, 2, 2)
    matrix = _product(adjugate, mixed) / (a * d - b * c).view(-1, 1, 1)
    return matrix, other - _product(centre, matrix)


def smooth_shift(pose: Tensor, keypoints: Tensor, side: int) -> Tensor:
    """(B, K, 2) twice -> (B, 2, side, side): how far from each place lies what it shows.

    The affine map, and what is left of each keypoint's motion spread by Gaussians. Normalised
    convolution (Knutsson & Westin, CVPR 1993) from coarse to fine: each level spreads what the
    levels before it left of the keypoints' motions, and fades where none is near.
    """
    matrix, shift = affine_map(pose, keypoints)
    grid = identity(side, keypoints)
    moved = _product(grid.reshape(1, -1, 2), matrix) + shift - grid.reshape(1, -1, 2)
    total = moved.transpose(1, 2).reshape(-1, 2, side, side)
    left = pose - (_product(keypoints, matrix) + shift)  # (B, K, 2)
    apart2 = (keypoints.unsqueeze(2) - keypoints.unsqueeze(1)).square().sum(-1)  # (B, K, K)
    for reach in REACHES:
        heat = bumps(keypoints, side, reach)
        pulls = (heat.unsqueeze(2) * left[..., None, None]).sum(1)  # (B, 2, side, side)
        total = total + pulls / (heat.sum(1, keepdim=True) + NOTHING)
        near = torch.exp(-apart2 / (2 * reach**2))
        left = left - _product(near, left) / (near.sum(-1, keepdim=True) + NOTHING)
    return total


def _product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b by sums."""
    return (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2)


def bumps(keypoints: Tensor, side: int, reach: float) -> Tensor:
    """(B, K, 2) -> (B, K, side, side): a Gaussian of height 1 at each keypoint."""
    line = centres(side, keypoints)
    away = torch.exp(-(keypoints.unsqueeze(-1) - line).square() / (2 * reach**2))  # (B, K, 2, s)
    return away[:, :, 1].unsqueeze(-1) * away[:, :, 0].unsqueeze(-2)


def identity(side: int, like: Tensor) -> Tensor:
    """(1, side, side, 2): each place shows itself."""
    line = centres(side, like)
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1).unsqueeze(0)
