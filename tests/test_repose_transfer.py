from math import exp, log, pi, tanh

import numpy as np
import pytest

from realtime.repose.similarity import Similarity, plane, points_of
from realtime.repose.transfer import PLACE, SHAPE, SIZE, TURN, Transfer, soften

HOME = np.array([[-0.5, -0.4], [0.5, -0.4], [0.3, 0.4], [-0.3, 0.4]], np.float32)  # body 1
DRIVER = np.array([[100, 80], [190, 90], [180, 160], [110, 150]], np.float32)  # another shape
TO_FRAME = Similarity(80 * np.exp(0.2j), 300 + 200j)  # from the crop to somewhere in a frame


def moved(points, factor=1 + 0j, way=0j):
    """Turned, scaled and moved about the middle of `points`."""
    own = plane(points)
    return points_of(own.mean() + way + factor * (own - own.mean()))


def placed(points):
    return points_of(TO_FRAME(plane(points)))


def test_the_calibration_leaves_the_reference_as_it_is():
    own = Transfer(home=HOME, calibration=DRIVER)
    np.testing.assert_allclose(own.pose(DRIVER), HOME, atol=1e-6)


@pytest.mark.parametrize("relative", [True, False])
def test_a_driver_of_the_same_shape_is_followed_exactly_wherever_it_stands(relative):
    asked = moved(HOME, exp(SIZE / 4) * np.exp(0.25j), 0.03 + 0.02j)
    asked[2] += (0.06, -0.04)
    own = Transfer(home=HOME, calibration=placed(HOME), relative=relative)
    np.testing.assert_allclose(own.pose(placed(asked)), asked, atol=1e-5)


def test_another_shape_that_moves_as_a_whole_moves_the_reference_as_a_whole():
    factor = 1.05 * np.exp(-0.2j)
    own = Transfer(home=HOME, calibration=DRIVER)
    scale = Similarity.fit(plane(DRIVER), plane(HOME)).factor
    way = 0.04 / scale  # in the driver's frame
    expected = moved(HOME, factor, 0.04)
    np.testing.assert_allclose(own.pose(moved(DRIVER, factor, way)), expected, atol=1e-5)


def test_where_and_how_large_and_how_tilted_the_driver_is_makes_no_difference():
    bent = DRIVER + np.array([[0, 0], [3, -2], [0, 4], [0, 0]], np.float32)
    own = Transfer(home=HOME, calibration=DRIVER)
    other = Transfer(home=HOME, calibration=placed(DRIVER))
    np.testing.assert_allclose(other.pose(placed(bent)), own.pose(bent), atol=1e-4)


def test_absolute_takes_the_drivers_shape():
    own = Transfer(home=HOME, calibration=DRIVER, relative=False)
    fitted = points_of(Similarity.fit(plane(DRIVER), plane(HOME))(plane(DRIVER)))
    assert np.abs(fitted - HOME).max() > 0.02
    np.testing.assert_allclose(own.pose(DRIVER), fitted, atol=1e-5)


@pytest.mark.parametrize("share", [1.5, 3.0, 50.0])
def test_a_way_beyond_half_its_limit_is_softened_as_the_formula_says(share):
    way = share * PLACE / 2
    expected = PLACE / 2 * (1 + tanh(share - 1))
    pose = Transfer(home=HOME, calibration=HOME).pose(moved(HOME, way=complex(way)))
    np.testing.assert_allclose(pose, moved(HOME, way=expected), atol=1e-5)
    assert expected <= PLACE


def test_size_turn_and_shape_have_limits_too():
    own = Transfer(home=HOME, calibration=HOME)
    grown = own.pose(moved(HOME, 3.0))
    factor = exp(SIZE / 2 * (1 + tanh(2 * log(3) / SIZE - 1)))
    np.testing.assert_allclose(grown, moved(HOME, factor), atol=1e-5)
    turned = own.pose(moved(HOME, np.exp(1.2j)))
    turn = TURN / 2 * (1 + tanh(2 * 1.2 / TURN - 1))
    np.testing.assert_allclose(turned, moved(HOME, np.exp(1j * turn)), atol=1e-5)
    torn = HOME.copy()
    torn[0] -= 5
    away = plane(own.pose(torn)) - plane(HOME)
    assert np.abs(away).max() < (SHAPE + PLACE) * exp(SIZE) + TURN
    assert np.abs(own.pose(torn)).max() <= 1


def test_a_subject_without_an_up_may_turn_all_the_way_round():
    own = Transfer(home=HOME, calibration=HOME, upright=False)
    np.testing.assert_allclose(own.pose(moved(HOME, np.exp(1j * pi / 2))),
                               moved(HOME, np.exp(1j * pi / 2)), atol=1e-5)  # fmt: skip


def test_softening_is_exact_up_to_half_and_has_no_kink():
    length = np.linspace(0, 3, 3001)
    soft = soften(length * np.exp(0.7j), 1.0)
    np.testing.assert_allclose(np.angle(soft[1:]), 0.7)
    np.testing.assert_array_equal(np.abs(soft)[length <= 0.5], np.abs(length * np.exp(0.7j))[
        length <= 0.5])  # fmt: skip
    slope = np.diff(np.abs(soft)) / np.diff(length)
    assert (slope > 0).all()
    assert np.abs(np.diff(slope)).max() < 0.005
    assert np.abs(soft).max() <= 1


def test_a_reference_that_is_one_point_stays_one():
    dot = np.zeros((4, 2), np.float32)
    assert np.isfinite(Transfer(home=dot, calibration=DRIVER).pose(moved(DRIVER, 1.2))).all()
    assert np.isfinite(Transfer(home=HOME, calibration=dot).pose(DRIVER)).all()
