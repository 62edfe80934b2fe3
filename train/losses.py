"""The losses of the method, each a free function of what it compares."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def generator_loss(scores: Sequence[Tensor]) -> Tensor:
    """LSGAN, mean over scales: skeleton images should score 1 (keypoint_gan_model.py:318)."""
    return torch.stack([F.mse_loss(s, torch.ones_like(s)) for s in scores]).mean()


def discriminator_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """LSGAN, mean over scales, halved: drawn priors score 1, skeleton images 0 (:278-309)."""
    ones = torch.stack([F.mse_loss(s, torch.ones_like(s)) for s in real]).mean()
    zeros = torch.stack([F.mse_loss(s, torch.zeros_like(s)) for s in fake]).mean()
    return 0.5 * (ones + zeros)


def equivariance_loss(moved: Tensor, expected: Tensor) -> Tensor:
    """Mean distance between keypoints (B, K, 2) of a moved picture and the moved keypoints.

    Not part of KeypointGAN; the idea is that of Thewlis et al., ICCV 2017. The distance is not
    squared, so that a few lost frames do not rule the gradient.
    """
    return ((moved - expected).square().sum(-1) + 1e-6).sqrt().mean()


def looked_up(field: Tensor, points: Tensor) -> Tensor:
    """Values of a field (B, S, S, 2) at points (B, K, 2) in crop space, bilinear; (B, K, 2).

    Differentiable in the points. Outside the field its border holds.
    """
    values = F.grid_sample(
        field.permute(0, 3, 1, 2),
        points.unsqueeze(1),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return values.squeeze(2).transpose(1, 2)


def mirror_back(points: Tensor, mirrored: Tensor, flipped: Sequence[int]) -> Tensor:
    """Keypoints (B, K, 2) found in pictures some of which are mirrored, as in the unmirrored."""
    signs = points.new_tensor([-1.0, 1.0])
    return torch.where(mirrored[:, None, None], points[:, list(flipped)] * signs, points)


def freeze(network: nn.Module, *, frozen: bool = True) -> None:
    network.requires_grad_(not frozen)
