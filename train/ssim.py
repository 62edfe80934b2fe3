"""Structural similarity of pictures (Wang et al., IEEE TIP 2004), in their window and constants."""

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW, DEVIATION = 11, 1.5  # of the Gaussian, pixels
K1, K2 = 0.01, 0.03
LUMA = (0.299, 0.587, 0.114)  # of R, G, B


def ssim(one: Tensor, two: Tensor, span: float) -> Tensor:
    """Mean structural similarity (B,) of grey pictures (B, 1, H, W), at most 1.

    Taken where the whole window lies inside the picture, so H and W are 11 at least. As in
    scikit-image with gaussian_weights=True, sigma=1.5, use_sample_covariance=False.

    Args:
        span: the range of values, 255 for bytes.
    """
    moments = _blurred(torch.cat([one, two, one * one, two * two, one * two], dim=1))
    mean1, mean2, square1, square2, product = moments.split(1, dim=1)
    c1, c2 = (K1 * span) ** 2, (K2 * span) ** 2
    variances = square1 - mean1**2 + square2 - mean2**2
    covariance = product - mean1 * mean2
    light = (2 * mean1 * mean2 + c1) / (mean1**2 + mean2**2 + c1)
    likeness = light * (2 * covariance + c2) / (variances + c2)
    return likeness.mean(dim=(1, 2, 3))


def grey(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) RGB -> (B, 1, H, W), its luma."""
    weights = torch.tensor(LUMA, dtype=pictures.dtype, device=pictures.device)
    return (pictures * weights.view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def _blurred(maps: Tensor) -> Tensor:
    count = maps.shape[1]
    places = torch.arange(WINDOW, dtype=maps.dtype, device=maps.device) - WINDOW // 2
    line = torch.exp(-places.square() / (2 * DEVIATION**2))
    line = (line / line.sum()).expand(count, 1, 1, -1)
    return F.conv2d(F.conv2d(maps, line, groups=count), line.transpose(2, 3), groups=count)
