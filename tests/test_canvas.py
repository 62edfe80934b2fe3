import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines import Roi
from realtime.canvas import Canvas, Patch, fitting

side = st.integers(1, 5000)


@given(side, side, side, side)
def test_a_picture_fits_and_is_never_enlarged(
    width: int, height: int, wide: int, high: int
) -> None:
    size = fitting((width, height), (wide, high))
    assert 1 <= size[0] <= min(width, wide)
    assert 1 <= size[1] <= min(height, high)
    assert fitting((width, height), None) == (width, height)
    if wide >= width and high >= height:
        assert size == (width, height)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("room", [None, (100, 80), (160, 45), (400, 300)])
def test_points_lie_where_the_picture_shows_them(
    mirrored: bool, room: tuple[int, int] | None
) -> None:
    image = np.zeros((120, 200, 3), np.uint8)
    cv2.circle(image, (60, 40), 14, (255, 255, 255), -1)
    image.setflags(write=False)
    canvas = Canvas(image, room=room, mirrored=mirrored)
    weight = canvas.picture[..., 0].astype(float)
    rows, columns = np.indices(weight.shape)
    centre = ((weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum())
    np.testing.assert_allclose(canvas.place(np.float32([60, 40])), centre, atol=0.3)
    roi = canvas.place_roi(Roi(60, 40, 50, 0.3))
    np.testing.assert_allclose((roi.x, roi.y), centre, atol=0.3)
    assert roi.size == pytest.approx(50 * canvas.picture.shape[0] / 120, rel=0.02)
    assert roi.angle == (-0.3 if mirrored else 0.3)


def test_black_shows_nothing_of_the_frame() -> None:
    image = np.full((120, 200, 3), 77, np.uint8)
    canvas = Canvas(image, room=(100, 60), black=True)
    assert canvas.picture.shape == (60, 100, 3)
    assert not canvas.picture.any()


def test_a_patch_fades_what_was_drawn_since() -> None:
    picture = np.full((50, 50, 3), 100, np.uint8)
    patch = Patch(picture, np.float32([[10, 10], [20, 20]]), margin=2)
    picture[15, 15] = picture[40, 40] = 200
    patch.fade()
    assert picture[15, 15, 0] == 150
    assert picture[40, 40, 0] == 200  # beyond it
    assert picture[12, 12, 0] == 100


def test_a_patch_beside_the_picture_does_no_harm() -> None:
    picture = np.full((50, 50, 3), 100, np.uint8)
    Patch(picture, np.float32([[-500, 10], [-400, 20]]), margin=2).fade()
    assert (picture == 100).all()
