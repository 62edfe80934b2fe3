from pathlib import Path

import cv2
import numpy as np
import torch
from toy import TRIANGLE

from train.sheet import COLUMNS, TILE, write_sheet

LABEL = 22  # pixels


def sheet(path: Path, count: int, keypoints: torch.Tensor) -> np.ndarray:
    rows = {
        "frame": torch.full((count, 3, 16, 16), -1.0),
        "skeleton": torch.ones(count, 1, 8, 8),
        "colour": torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1).expand(count, 3, 16, 16),
    }
    write_sheet(path, rows, keypoints, TRIANGLE)
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


def test_a_row_per_entry_and_one_with_the_keypoints(tmp_path: Path) -> None:
    points = torch.tensor([[-0.5, 0.5], [0.5, 0.5], [0.0, -0.5]]).expand(3, 3, 2)
    picture = sheet(tmp_path / "sheets" / "a.png", 3, points)
    assert picture.shape == (4 * TILE, LABEL + 3 * TILE, 3)
    tile = picture[:, LABEL:]
    assert (tile[:TILE] == 0).all()
    assert (tile[TILE : 2 * TILE] == 255).all()
    assert (tile[2 * TILE : 3 * TILE] == (0, 128, 255)).all()  # BGR of RGB 1, 0, -1
    overlay = tile[3 * TILE :]
    middle, base = TILE // 2, round(0.75 * TILE)
    assert overlay[base - 2 : base + 2, middle].max() > 100  # the base of the triangle
    assert overlay[: TILE // 4 - 3].max() == 0  # nothing above its top


def test_at_most_so_many_columns(tmp_path: Path) -> None:
    picture = sheet(tmp_path / "a.png", COLUMNS + 4, torch.zeros(COLUMNS + 4, 3, 2))
    assert picture.shape[1] == LABEL + COLUMNS * TILE


def test_wild_values_do_no_harm(tmp_path: Path) -> None:
    points = torch.full((1, 3, 2), float("nan"))
    points[0, 1] = 1e30
    sheet(tmp_path / "a.png", 1, points)
    rows = {"frame": torch.full((1, 3, 4, 4), 1e9)}
    write_sheet(tmp_path / "b.png", rows, points, TRIANGLE)
    assert cv2.imread(str(tmp_path / "b.png"))[:TILE, LABEL:].min() == 255
