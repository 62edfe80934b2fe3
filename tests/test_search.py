import numpy as np
import pytest

from engines import Roi
from engines.search import LEVELS, SHRINK, search_rois

SIZES = [(640, 480), (480, 640), (1280, 720), (256, 256), (64, 48), (2, 3), (1, 1), (2000, 100)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_begins_with_the_whole_frame_and_gets_finer(width: int, height: int) -> None:
    rois = search_rois(width, height)
    sides = [roi.size for roi in rois]
    assert rois[0] == Roi.of_frame(width, height)
    assert sides == sorted(sides, reverse=True)
    assert len(set(sides)) <= LEVELS


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
    level = [roi for roi in rois if roi.size == pytest.approx(640 / SHRINK**2)]
    away = [roi.distance(rois[0]) for roi in level]
    assert away == sorted(away)


def test_a_sweep_over_a_webcam_frame_is_short() -> None:
    assert len(search_rois(640, 480)) == 47
