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
    profiles = maps.mean(dim=2).softmax(dim=-1), maps.mean(dim=3).softmax(dim=-1)
    return torch.stack([(p * centres(p.shape[-1], p)).sum(dim=-1) for p in profiles], dim=-1)
