import numpy as np
import pytest

from realtime.repose.layout import Arrangement

RED, BLUE = (0, 0, 255), (255, 0, 0)


def picture(size, color):
    return np.full((size[1], size[0], 3), color, np.uint8)


@pytest.mark.parametrize("driver", [(640, 480), (33, 47), (1920, 1080)])
def test_beside_is_as_high_as_the_reposed_one_and_keeps_the_drivers_shape(driver):
    own = Arrangement("beside", (200, 100), driver)
    out = own.put(picture((200, 100), RED), picture(driver, BLUE))
    width, height = own.size
    assert out.shape == (height, width, 3)
    assert height == 100
    assert width % 2 == 0
    assert (width - 200) / 100 == pytest.approx(driver[0] / driver[1], abs=0.02)
    assert (out[:, : width - 200] == BLUE).all()
    assert (out[:, width - 200 :] == RED).all()


def test_inset_lies_in_the_right_upper_corner():
    own = Arrangement("inset", (300, 200), (640, 480))
    out = own.put(picture((300, 200), RED), picture((640, 480), BLUE))
    assert own.size == (300, 200)
    rows, columns = np.nonzero((out == BLUE).all(axis=2))
    assert (rows.max() < 100, columns.min() > 200, columns.max() < 299) == (True, True, True)
    assert (out[100:] == RED).all()


def test_alone_is_the_reposed_picture_itself():
    own = Arrangement("alone", (30, 20), (640, 480))
    reposed = picture((30, 20), RED)
    assert own.size == (30, 20)
    assert own.put(reposed, None) is reposed


def test_a_driver_higher_than_the_reposed_picture_still_fits_in_the_corner():
    own = Arrangement("inset", (300, 40), (10, 100))
    assert own.put(picture((300, 40), RED), picture((10, 100), BLUE)).shape == (40, 300, 3)
