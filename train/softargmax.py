"""The one soft-argmax: where a stack of maps points, as coordinates."""

import torch
from torch import Tensor


def centres(count: int, like: Tensor) -> Tensor:
    """Centres of `count` cells across [-1, 1], ±1 being the outer edges: (2i + 1) / count - 1."""
    return (torch.arange(count, device=like.device, dtype=like.dtype) * 2 + 1) / count - 1


def soft_argmax(maps: Tensor) -> Tensor:
    """Marginal soft-argmax: (B, K, h, w) raw maps -> (B, K, 2) points (x, y) in [-1, 1].

    The maps are averaged over rows and over columns, and each of the two profiles has its own
    softmax, temperature 1 (official code, models/utils.py:15-32). Cells are centred by the
    project's ±1-at-edges rule where the official code puts ±1 on the first and last cell.
    """
    return expected_place(maps.mean(dim=2), maps.mean(dim=3))


def expected_place(across: Tensor, down: Tensor) -> Tensor:
    """Profiles along x (B, K, w) and along y (B, K, h) -> points (B, K, 2) in [-1, 1].

    A softmax turns each profile into weights of its cells' centres. No matrix product: TensorRT
    has no fp32 one on Turing.
    """
    weighed = [(p.softmax(dim=-1) * centres(p.shape[-1], p)).sum(dim=-1) for p in (across, down)]
    return torch.stack(weighed, dim=-1)
