"""The renderer β: an analytic, differentiable drawing of a skeleton."""

import torch
from torch import Tensor, nn

from train.softargmax import centres

EPSILON = 1e-6


class Renderer(nn.Module):
    """Draws (B, K, 2) keypoints as (B, 1, S, S) skeleton images in [-1, 1].

    Each pixel takes the value of the nearest limb: with d its distance to that segment,
    v = 2 exp(-sqrt(d² + 1e-6) / sigma²) - 1. The exponential is of the distance, not of its
    square, as in the official code (models/utils.py:64-187; the paper, section 3, writes a
    square). The maximum over edges of a falling function of d is the function of the smallest d,
    so the search for the nearest edge runs without a graph and the gradient flows through that
    one edge per pixel: the same derivative at a small part of the cost.
    """

    edges: Tensor

    def __init__(self, edges: tuple[tuple[int, int], ...], size: int, sigma: float) -> None:
        super().__init__()
        self.register_buffer("edges", torch.tensor(edges), persistent=False)
        self.size = size
        self.sigma = sigma

    def forward(self, keypoints: Tensor) -> Tensor:
        pixels = self._pixels(keypoints)  # (P, 2)
        starts = keypoints[:, self.edges[:, 0]]  # (B, E, 2)
        steps = keypoints[:, self.edges[:, 1]] - starts
        with torch.no_grad():
            nearest = self._nearest(starts, steps, pixels)  # (B, P)
        index = nearest.unsqueeze(-1).expand(-1, -1, 2)
        start, step = starts.gather(1, index), steps.gather(1, index)  # (B, P, 2)
        offset = pixels - start
        length2 = step.square().sum(-1).clamp(min=EPSILON)
        along = ((offset * step).sum(-1) / length2).clamp(0, 1)
        gap2 = (offset - along.unsqueeze(-1) * step).square().sum(-1)
        value = torch.exp(-(gap2 + EPSILON).sqrt() / self.sigma**2)
        return (2 * value - 1).view(-1, 1, self.size, self.size)

    def _pixels(self, like: Tensor) -> Tensor:
        line = centres(self.size, like)
        return torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).reshape(-1, 2)

    @staticmethod
    def _nearest(starts: Tensor, steps: Tensor, pixels: Tensor) -> Tensor:
        """Index of the nearest segment: |u-a|² and <u-a, s> come from matrix products."""
        length2 = steps.square().sum(-1, keepdim=True).clamp(min=EPSILON)  # (B, E, 1)
        dot = steps @ pixels.T - (steps * starts).sum(-1, keepdim=True)  # (B, E, P)
        along = (dot / length2).clamp_(0, 1)
        gap2 = (starts @ pixels.T).mul_(-2).add_(starts.square().sum(-1, keepdim=True))
        gap2 += along.mul(length2).sub_(dot.mul_(2)).mul_(along)  # t² s² - 2 t <u-a, s>
        return gap2.argmin(dim=1)
