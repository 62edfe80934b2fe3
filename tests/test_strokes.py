import numpy as np
import pytest

from realtime.strokes import Paths, draw_rimmed, fixed, rails

LINE = np.float32([[10, 20], [50, 20], [50, 60]])


def test_along_and_beside_are_parallel_lines() -> None:
    paths = Paths([[0, 1], [1, 2], [0, 1, 2]])
    assert next(line.tolist() for line in paths.along(LINE)) == [[160, 320], [800, 320]]
    beside = paths.beside(LINE, (-2.0, 0.0, 2.0))
    assert [len(own) for own in beside] == [3, 3, 3]
    left, middle, right = beside[0]
    np.testing.assert_array_equal(middle, fixed(LINE[:2]))
    np.testing.assert_array_equal(right - middle, [[0, 32], [0, 32]])  # y grows downwards
    np.testing.assert_array_equal(left - middle, [[0, -32], [0, -32]])
    corner = beside[2][2][1] - beside[2][1][1]  # between the two directions
    np.testing.assert_allclose(corner, np.rint([-32 / 2**0.5, 32 / 2**0.5]))


def test_points_in_one_place_have_no_direction_and_do_no_harm() -> None:
    same = np.full((3, 2), 7, np.float32)
    for own in Paths([[0, 1, 2]]).beside(same, (-1.0, 1.0))[0]:
        np.testing.assert_array_equal(own, fixed(same))


@pytest.mark.parametrize("width", [1, 2])
def test_rails_lie_in_each_other(width: int) -> None:
    outer, inner, *others = rails(width, 1)
    assert outer < inner <= 0
    assert others == [-inner, -outer]


@pytest.mark.parametrize("width", [1, 2, 3, 6])
@pytest.mark.parametrize("turn", [0.0, 0.4, 0.785, 1.2])
def test_a_line_has_no_gap_in_any_direction(width: int, turn: float) -> None:
    """Across it: background, black, colour, black, background."""
    picture = np.full((101, 101, 3), 250, np.uint8)
    along = np.array([np.cos(turn), np.sin(turn)])
    ends = np.float32([50 - 40 * along, 50 + 40 * along])
    draw_rimmed(picture, ends, Paths([[0, 1]]), [((250, 0, 0), [0])], width, 1, (0, 0, 0))
    across = 50 + np.arange(-12, 13)[:, None] * 0.5 * [-along[1], along[0]]
    x, y = np.rint(across).astype(int).T
    blue, green = picture[y, x, 0].astype(int), picture[y, x, 1].astype(int)
    assert green[0] == green[-1] == 250
    dark = (green < 200).nonzero()[0]
    assert dark[-1] - dark[0] + 1 == len(dark)  # one stroke, nothing shows through
    middle = blue[dark[0] : dark[-1] + 1]
    assert blue[12] > 150
    assert middle.argmin() != len(middle) // 2
