from math import pi

import numpy as np
import pytest

from engines import Roi
from engines.search import FEWEST, FINEST, SHRINK, search_rois

SIZES = [(640, 480), (480, 640), (1280, 720), (256, 256), (64, 48), (2, 3), (1, 1), (2000, 100)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_begins_with_the_whole_frame_and_gets_finer(width: int, height: int) -> None:
    rois = search_rois(width, height)
    sides = [roi.size for roi in rois]
    assert rois[0] == Roi.of_frame(width, height)
    assert sides == sorted(sides, reverse=True)
    levels = np.array(sorted(set(sides), reverse=True))
    assert (levels[:-1] / levels[1:] <= SHRINK + 1e-9).all()
    finest = max(FINEST * min(width, height), max(width, height) / FEWEST)
    assert levels[-1] == pytest.approx(finest)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_level_covers_the_frame_and_overlaps_by_half(width: int, height: int) -> None:
    rois = search_rois(width, height)
    for side in {roi.size for roi in rois}:
        level = [roi for roi in rois if roi.size == side]
        for length, centres in ((width, {r.x for r in level}), (height, {r.y for r in level})):
            places = sorted(centres)
            assert places[0] - side / 2 <= 0
            assert places[-1] + side / 2 >= length - 1
            assert all(np.diff(places) <= side / 2 + 1e-9)
        assert len(level) == len({(roi.x, roi.y) for roi in level})


def test_a_level_is_looked_at_from_the_middle_outwards() -> None:
    rois = search_rois(640, 480)
    level = [roi for roi in rois if roi.size == rois[-1].size]
    away = [roi.distance(rois[0]) for roi in level]
    assert away == sorted(away)


@pytest.mark.parametrize(("size", "squares"), [((640, 480), 42), ((1280, 720), 59)])
def test_a_sweep_over_a_webcam_frame_is_short(size: tuple[int, int], squares: int) -> None:
    assert len(search_rois(*size)) == squares


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_no_frame_makes_a_sweep_long(width: int, height: int) -> None:
    assert len(search_rois(width, height)) < 150


def test_turned_squares_lie_where_the_upright_ones_do() -> None:
    turned = search_rois(640, 480, pi / 3)
    assert {roi.angle for roi in turned} == {pi / 3}
    plain = [Roi(roi.x, roi.y, roi.size) for roi in turned]
    assert tuple(plain) == search_rois(640, 480)
