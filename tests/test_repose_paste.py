import numpy as np
import pytest
from reposing import SIZE, WarpDecoder, reference

from engines.geometry import Roi, crop
from realtime.repose.paste import CELLS, Paste, membrane


def laid(paste, drawn, picture):
    out = picture.copy()
    paste.paste(drawn, out)
    return out


def paste_of(picture, roi, shade=0):
    own = crop(picture, roi, SIZE)
    return Paste(picture, roi, own - np.uint8(shade)), own


@pytest.mark.parametrize(
    "points", [[[60, 40], [90, 70]], [[1, 1], [60, 60]], [[140, 90], [159, 119]]]
)
def test_the_reference_drawn_as_it_is_gives_the_picture_back(points):
    own = reference(points=np.array(points, np.float32))
    roi = own.roi(1.6)
    paste, drawn = paste_of(own.picture, roi)
    out = laid(paste, drawn, own.picture)
    assert out.shape == own.picture.shape
    assert np.abs(out.astype(int) - own.picture).max() <= 4  # sampled down and up again
    assert np.abs(out.astype(int) - own.picture).mean() < 1


def test_outside_of_the_square_nothing_is_touched_and_inside_the_drawing_is_seen():
    picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    roi = Roi(70.5, 59.5, 60)  # from column 41 to 100, row 30 to 89
    paste, drawn = paste_of(picture, roi)
    out = laid(paste, np.full_like(drawn, 200), picture)
    inside = np.zeros((120, 160), bool)
    inside[30:90, 41:101] = True
    np.testing.assert_array_equal(out[~inside], picture[~inside])
    middle = out[50:70, 60:80].astype(float)
    assert middle.std() < 12  # but for the colours that are carried in from the border
    assert np.abs(out[30, 41:101].astype(int) - picture[30, 41:101]).max() <= 3  # a soft edge


def test_what_is_drawn_lies_where_the_crop_was_cut():
    picture = np.zeros((120, 160, 3), np.uint8)
    roi = Roi(70.5, 59.5, 64)
    paste, _ = paste_of(picture, roi)
    dot = np.zeros((SIZE, SIZE, 3), np.uint8)
    dot[20, 40] = 255
    (y, x), *rest = np.argwhere(laid(paste, dot, picture)[..., 0] > 128).tolist()
    assert (x - 39, y - 28, rest) == (40, 20, [])


@pytest.mark.parametrize("shade", [10, 35])
def test_a_decoder_that_draws_too_dark_is_corrected_everywhere(shade):
    own = reference()
    roi = own.roi(1.6)
    true, drawn = paste_of(own.picture, roi)
    corrected, _ = paste_of(own.picture, roi, shade=shade)
    np.testing.assert_array_equal(
        laid(corrected, drawn - np.uint8(shade), own.picture), laid(true, drawn, own.picture)
    )


def test_a_membrane_of_one_value_is_that_value_and_of_a_slope_the_slope():
    flat = np.full((SIZE, SIZE, 3), (-3, 0, 12.5), np.float32)
    flat[20:44, 20:44] = 99  # inside of the border, which is all that counts
    np.testing.assert_allclose(
        membrane(flat), np.broadcast_to((-3, 0, 12.5), flat.shape), atol=1e-4
    )
    slope = np.broadcast_to(np.linspace(0, 63, SIZE, dtype=np.float32)[None, :, None], flat.shape)
    inner = slice(SIZE // CELLS, -SIZE // CELLS)  # a linear function is harmonic
    np.testing.assert_allclose(membrane(slope.copy())[inner, inner], slope[inner, inner], atol=1e-3)


def test_a_square_mostly_outside_of_the_picture_is_pasted_where_they_meet():
    own = reference(points=np.array([[150, 110], [159, 119]], np.float32))
    decoder = WarpDecoder(margin=20)
    roi = own.roi(decoder.card.margin)
    assert roi.x + roi.size / 2 > 160 + 50
    paste, drawn = paste_of(own.picture, roi)
    assert laid(paste, drawn, own.picture).shape == (120, 160, 3)
