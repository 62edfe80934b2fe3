import numpy as np
import pytest

from realtime.repose.mark import Mark


@pytest.mark.parametrize("size", [(64, 64), (480, 480), (1280, 720), (480, 1280), (2, 2)])
@pytest.mark.parametrize("ground", [0, 128, 255])
def test_the_mark_is_in_the_left_lower_corner_and_can_be_read_on_anything(size, ground):
    picture = np.full((size[1], size[0], 3), ground, np.uint8)
    Mark(size).write(picture)
    changed = (picture != ground).any(axis=2)
    if min(size) > 2:
        assert changed.any()
        assert int(picture.max()) - ground * 0.4 > 60  # light letters on a darkened ground
    rows, columns = np.nonzero(changed)
    if len(rows):
        assert rows.min() >= size[1] * 0.85 - 12
        assert columns.max() <= size[0] * 0.75
