"""Picture sheets: what the networks see and make, a column per frame."""

from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from engines.skeleton import Skeleton
from train import world

TILE = 112
COLUMNS = 10


def write_sheet(path: Path, rows: dict[str, Tensor], keypoints: Tensor, skeleton: Skeleton) -> None:
    """Write a PNG: a labelled row per entry of `rows` ((B, 1 or 3, S, S) in [-1, 1], RGB), the
    first of which is shown once more at the bottom with `keypoints` (B, K, 2) drawn over it. Of
    several ranks, rank 0 shows its part."""
    if world.rank():
        return
    tiles = {name: _tiles(row[:COLUMNS]) for name, row in rows.items()}
    first = next(iter(tiles.values()))
    tiles["overlay"] = [
        _overlaid(tile, points, skeleton)
        for tile, points in zip(first, keypoints.detach().cpu().numpy(), strict=False)
    ]
    lines = [np.concatenate([_label(name), *row], axis=1) for name, row in tiles.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.concatenate(lines, axis=0))


def _tiles(row: Tensor) -> list[NDArray[np.uint8]]:
    pictures = row.detach().float().cpu().expand(-1, 3, -1, -1).flip(1)
    pictures = F.interpolate(pictures, size=(TILE, TILE), mode="nearest")
    bytes_ = ((pictures.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return [np.ascontiguousarray(tile) for tile in bytes_.permute(0, 2, 3, 1).numpy()]


def _overlaid(
    tile: NDArray[np.uint8], points: NDArray[np.float32], skeleton: Skeleton
) -> NDArray[np.uint8]:
    drawn = tile.copy()
    places = np.nan_to_num((points + 1) * (TILE / 2) - 0.5).clip(-TILE, 2 * TILE)
    for limb in skeleton.limbs:
        line = np.round(places[list(limb.path)] * 16).astype(np.int32)
        cv2.polylines(drawn, [line], limb.closed, limb.rgb[::-1], 1, cv2.LINE_AA, 4)
    return drawn


def _label(name: str) -> NDArray[np.uint8]:
    strip = np.full((TILE, 22, 3), 24, np.uint8)
    text = np.full((22, TILE, 3), 24, np.uint8)
    cv2.putText(text, name, (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (230, 230, 230), 1, cv2.LINE_AA)
    strip[:] = np.rot90(text)
    return strip
