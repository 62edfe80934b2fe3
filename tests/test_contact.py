import numpy as np
from toy import TRIANGLE, toy_footage

from engines.geometry import to_frame
from train.contact import GAP, TILE, contact_sheet, drawn
from train.evidence import Told


def test_the_skeleton_lies_where_the_points_are() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    points = np.float32([[20, 80], [80, 80], [50, 20]])
    shown = drawn(picture, points, TRIANGLE)
    assert picture.max() == 0  # the frame itself is not drawn on
    for x, y in points.astype(int):
        assert shown[y, x].min() > 200
    assert shown[80, 50].min() > 150  # on the outline, which is white
    assert shown[60, 50].max() == 0  # inside it


def test_points_that_are_nowhere_do_no_harm() -> None:
    picture = np.full((50, 50, 3), 9, np.uint8)
    wild = np.float32([[np.nan, 1], [1e9, -1e9], [np.inf, 5]])
    assert drawn(picture, wild, TRIANGLE).shape == (50, 50, 3)


def test_tiles_stand_in_rows() -> None:
    (clip,) = toy_footage(5).clips
    points = np.stack([to_frame(np.zeros((3, 2), np.float32), roi) for roi in clip.rois])
    told = Told("a", clip.images, clip.rois, points, None, None, True)
    sheet = contact_sheet([(told, n) for n in range(5)], TRIANGLE, columns=3, zoom=1.0)
    assert sheet.shape == (2 * TILE + GAP, 3 * TILE + 2 * GAP, 3)
    middle = TILE // 2
    assert sheet[middle, middle].min() > 200  # all points lie in the middle
