from pathlib import Path

import cv2
import numpy as np
import pytest
from toy import TRIANGLE, triangles

from engines import DataError
from train.pose_sheet import COLUMNS, TILE, describe, write_pose_sheet

SIZES = np.float32([[100, 50]])


def sheet(path: Path, points: np.ndarray) -> np.ndarray:
    write_pose_sheet(path, points.astype(np.float32), np.tile(SIZES, (len(points), 1)), TRIANGLE)
    image = cv2.imread(str(path))
    assert list(path.parent.iterdir()) == [path]
    return image


def drawn(image: np.ndarray) -> np.ndarray:
    """(N, 2) where something bright is, (x, y)."""
    return np.argwhere(image.max(axis=2) > 120)[:, ::-1]


def test_poses_keep_their_aspect_and_fill_their_tiles(tmp_path: Path) -> None:
    flat = np.array([[[10, 10], [40, 10], [25, 20]]])
    image = sheet(tmp_path / "s.png", flat)
    side = image.shape[0]
    assert image.shape == (4 * TILE, side + COLUMNS * TILE, 3)
    tile = drawn(image[:TILE, side : side + TILE])
    wide, high = np.ptp(tile, axis=0)
    assert wide == pytest.approx(0.76 * TILE, abs=6)
    assert wide / high == pytest.approx(3, rel=0.15)
    assert len(drawn(image[:, side + TILE :])) == 0


def test_the_overview_shows_where_poses_lie_in_their_frames(tmp_path: Path) -> None:
    corner = np.array([[[0, 0], [20, 0], [10, 10]]])
    image = sheet(tmp_path / "s.png", corner)
    side = image.shape[0]
    places = drawn(image[:, :side]) / side
    np.testing.assert_allclose(places.min(axis=0), [0, 0.25], atol=0.02)  # 100 x 50 in a square
    np.testing.assert_allclose(places.max(axis=0), [0.21, 0.36], atol=0.02)


@pytest.mark.parametrize(
    "points",
    [
        np.full((1, 3, 2), 7.0),
        np.full((2, 3, 2), np.nan),
        np.array([[[1, 2], [np.nan, np.nan], [5, 6]]]),
        np.array([[[0, 0], [1e9, 0], [0, -1e9]]]),
        (triangles(500, np.random.default_rng(0)) + 1) * 25,
    ],
    ids=["one point", "nothing", "a gap", "far out", "many"],
)
def test_odd_poses_survive(points: np.ndarray, tmp_path: Path) -> None:
    assert sheet(tmp_path / "s.png", points).shape[0] in (4 * TILE, 6 * TILE)


def test_the_line_counts_what_it_says() -> None:
    pose = np.float32([[10, 10], [30, 10], [20, 20]])
    points = np.stack([pose, pose, pose + 0.5, pose + np.float32([200, 0]), pose * 2])
    line = describe(points, np.tile(SIZES, (5, 1)))
    assert line == (
        "5 poses, 4 distinct, 1 outside their frames; 20 to 40 pixels long (median 20), "
        "0.20 to 0.40 of the frame (median 0.20)"
    )


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    for name in ("s.jpg", "none/s.png"):
        with pytest.raises(DataError, match="s\\."):
            sheet(tmp_path / name, np.zeros((1, 3, 2)))
    assert list(tmp_path.iterdir()) == []
