import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.repose.similarity import Similarity, plane, points_of

SHAPE = np.array([1 + 2j, 3 - 1j, -2 + 0.5j, 0.25j])
number = st.floats(-3, 3)


@given(st.floats(0.2, 4), st.floats(-3.1, 3.1), number, number)
def test_a_similarity_is_found_again(scale, turn, x, y):
    own = Similarity(scale * np.exp(1j * turn), complex(x, y))
    fit = Similarity.fit(SHAPE, own(SHAPE))
    assert fit.factor == pytest.approx(own.factor, abs=1e-9)
    assert fit.shift == pytest.approx(own.shift, abs=1e-9)
    np.testing.assert_allclose(fit.undo(own(SHAPE)), SHAPE, atol=1e-9)


def test_the_fit_is_the_least_squares_solution():
    rng = np.random.default_rng(1)
    end = rng.normal(size=4) + 1j * rng.normal(size=4)
    fit = Similarity.fit(SHAPE, end)
    system = np.stack([SHAPE, np.ones(4)], axis=1)  # the same problem, solved by numpy
    factor, shift = np.linalg.lstsq(system, end, rcond=None)[0]
    assert fit.factor == pytest.approx(factor)
    assert fit.shift == pytest.approx(shift)


def test_points_that_have_fallen_together_are_only_moved():
    still = np.full(4, 2 + 1j)
    assert Similarity.fit(still, SHAPE) == Similarity(1, SHAPE.mean() - still.mean())
    assert Similarity.fit(SHAPE, still).factor == 1


def test_points_and_the_plane_are_the_same():
    points = np.array([[1, 2], [3, -4]], np.float32)
    assert plane(points).tolist() == [1 + 2j, 3 - 4j]
    np.testing.assert_array_equal(points_of(plane(points)), points)
