import numpy as np
import pytest
from reposing import reference

from engines.geometry import Roi, to_crop
from realtime.repose.similarity import Similarity
from realtime.repose.surroundings import ABOVE, ASIDE, BELOW, Surroundings

SIZE = (400, 300)
ROI = Roi(199.5, 179.5, 100)  # one of the crop is 50 pixels
PICTURE = reference(size=SIZE).picture
WAY = Similarity(1, 0.2 + 0.1j)  # 10 pixels to the right, 5 down


def test_what_touches_the_square_from_above_goes_the_whole_way():
    out = Surroundings(PICTURE, ROI).follow(WAY)
    above = slice(125, 140), slice(180, 220)  # from just above the square on inwards
    moved = PICTURE[120:135, 170:210]
    near = np.abs(out[above].astype(int) - moved)
    assert near[8:].mean() < 2
    assert near.mean() < np.abs(out[above].astype(int) - PICTURE[above]).mean()


def test_below_aside_and_far_away_nothing_moves():
    out = Surroundings(PICTURE, ROI).follow(WAY)
    places = to_crop(np.stack(np.meshgrid(np.arange(400), np.arange(300)), -1), ROI)
    x, y = places[..., 0], places[..., 1]
    still = (np.abs(x) >= ASIDE[1]) | (-y >= ABOVE[1]) | (y >= BELOW[1])
    np.testing.assert_array_equal(out[still], PICTURE[still])
    assert (out[~still] != PICTURE[~still]).any()


def test_a_turn_and_a_scale_move_a_mark_where_the_similarity_says():
    picture = np.zeros((300, 400, 3), np.uint8)
    picture[130:134, 214:218] = 255  # on the upper edge of the square
    moved = Similarity(1.1 * np.exp(0.15j), 0.05 - 0.02j)
    out = Surroundings(picture, ROI).follow(moved)
    y, x = (float(own.mean()) for own in np.nonzero(out[..., 0] > 100))
    start = complex((215.5 - ROI.x) / 50, (131.5 - ROI.y) / 50)
    end = moved.factor * start + moved.shift
    assert x == pytest.approx(ROI.x + 50 * end.real, abs=1)
    assert y == pytest.approx(ROI.y + 50 * end.imag, abs=1)


def test_a_pose_that_does_not_move_and_a_subject_without_an_up_leave_the_picture():
    still = Surroundings(PICTURE, ROI).follow(Similarity(1, 0))
    np.testing.assert_array_equal(still, PICTURE)
    assert still is not PICTURE
    any_way = Surroundings(PICTURE, ROI, upright=False).follow(WAY)
    np.testing.assert_array_equal(any_way, PICTURE)


@pytest.mark.parametrize("roi", [Roi(0, 0, 50), Roi(399, 299, 900), Roi(200, -500, 10)])
def test_a_square_at_the_edge_or_beyond_is_no_trouble(roi):
    assert Surroundings(PICTURE, roi).follow(WAY).shape == PICTURE.shape
