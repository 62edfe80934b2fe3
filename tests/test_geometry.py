from math import cos, hypot, pi, sin

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engines import DataError, Roi, crop, to_crop, to_frame
from engines.geometry import Image, Points

WIDTH, HEIGHT = 403, 301  # so that no shrink factor divides them
SLOPE = 110 / 40  # of `smooth`, per pixel, along x or y, at most
BEND = 110 / 40**2  # how much that slope changes per pixel, at most

numbers = st.floats(-2000, 2000)
angles = st.floats(-7, 7)
rois = st.builds(Roi, numbers, numbers, st.floats(8, 2000), angles)
points = st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=1, max_size=5)


def points_of(values: list[tuple[float, float]]) -> Points:
    return np.array(values, np.float32)


def centres(size: int) -> Points:
    """(S, S, 2) crop space: where the pixels of a crop lie."""
    line = (2 * np.arange(size) + 1) / size - 1
    return np.stack(np.meshgrid(line, line), axis=2).astype(np.float32)


def smooth(points_px: Points) -> NDArray[np.float64]:
    """(..., 3): a picture that can be asked for at any position."""
    x, y = points_px[..., 0].astype(np.float64), points_px[..., 1].astype(np.float64)
    waves = [np.sin(x / 40 + y / 70), np.cos(y / 50 - x / 60), np.sin(x / 45) * np.cos(y / 40)]
    return np.asarray(127.5 + 110 * np.stack(waves, axis=-1))


def smooth_image() -> Image:
    grid = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=2)
    return np.rint(smooth(grid)).astype(np.uint8)


def noise(width: int, height: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def gaussian(x: float, y: float, sigma: float) -> Image:
    columns, rows = np.meshgrid(np.arange(480), np.arange(360))
    grey = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.repeat(np.rint(grey)[..., None], 3, axis=2).astype(np.uint8)


def centroid(image: Image) -> Points:
    """(2,) crop space: centre of mass of a square picture."""
    weight = image.astype(np.float64).sum(axis=2, keepdims=True)
    return np.asarray((centres(len(image)) * weight).sum(axis=(0, 1)) / weight.sum(), np.float32)


# --- the two spaces


@given(rois, points)
def test_frame_and_back(roi: Roi, values: list[tuple[float, float]]) -> None:
    keypoints = points_of(values)
    # float32 keeps about 1e-7 of the frame position; a small roi far out magnifies that
    tolerance = 1e-6 * (1 + (abs(roi.x) + abs(roi.y)) / roi.size) * 4
    there = to_frame(keypoints, roi)
    assert there.dtype == np.float32
    np.testing.assert_allclose(to_crop(there, roi), keypoints, rtol=0, atol=tolerance)


@given(rois)
def test_corners_of_the_crop_are_plus_minus_one(roi: Roi) -> None:
    half, c, s = roi.size / 2, cos(roi.angle), sin(roi.angle)
    right, down = np.array([c, s]) * half, np.array([-s, c]) * half
    corners = to_frame(points_of([(0, 0), (1, 0), (0, 1), (1, 1), (-1, -1)]), roi)
    seen_from_centre = np.array([0 * right, right, down, right + down, -right - down])
    expected = seen_from_centre + np.array([roi.x, roi.y])
    np.testing.assert_allclose(corners, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("width", [2, 3, 64, 641])
def test_pixel_centres_of_a_whole_frame(width: int) -> None:
    roi = Roi.of_frame(width, width)
    first, last = to_crop(points_of([(0, 0), (width - 1, width - 1)]), roi)
    np.testing.assert_allclose(first, -1 + 1 / width, atol=1e-6)
    np.testing.assert_allclose(last, 1 - 1 / width, atol=1e-6)
    columns = to_frame(centres(width), roi)[0, :, 0]
    np.testing.assert_allclose(columns, np.arange(width), atol=1e-3)


def test_a_quarter_turn_is_clockwise_on_screen() -> None:
    turned = to_frame(points_of([(1, 0)]), Roi(100, 50, 20, pi / 2))
    np.testing.assert_allclose(turned, [[100, 60]], atol=1e-5)


def test_any_leading_shape() -> None:
    keypoints = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4, 2)).astype(np.float32)
    roi = Roi(30, 40, 50, 0.3)
    moved = to_frame(keypoints, roi)
    assert moved.shape == keypoints.shape
    np.testing.assert_array_equal(moved[1, 2], to_frame(keypoints[1, 2], roi))
    assert to_frame(np.zeros((0, 2), np.float32), roi).shape == (0, 2)


# --- regions


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_no_region_without_a_size(size: float) -> None:
    with pytest.raises(DataError, match="positive size"):
        Roi(0, 0, size)


@pytest.mark.parametrize("broken", [(float("nan"), 0, 1), (0, float("inf"), 1)])
def test_no_region_without_a_place(broken: tuple[float, float, float]) -> None:
    with pytest.raises(DataError, match="finite"):
        Roi(*broken)


def test_no_region_around_unknown_points() -> None:
    with pytest.raises(DataError, match="finite"):
        Roi.around(points_of([(0, 0), (float("nan"), 1)]), 1.5)


@given(points, st.floats(1, 4))
def test_around_holds_the_points(values: list[tuple[float, float]], margin: float) -> None:
    keypoints_px = points_of(values) * 100
    inside = to_crop(keypoints_px, Roi.around(keypoints_px, margin))
    assert np.abs(inside).max() <= 1 / margin + 1e-4


def test_around_one_point() -> None:
    assert Roi.around(points_of([(5, 6)]), 3.0, 0.5) == Roi(5, 6, 3, 0.5)


@given(points, st.floats(1, 4))
def test_along_no_turn_is_around(values: list[tuple[float, float]], margin: float) -> None:
    keypoints_px = points_of(values) * 100
    assert Roi.along(keypoints_px, margin, 0.0) == Roi.around(keypoints_px, margin)


@given(points, st.floats(1, 4), angles)
def test_along_cuts_the_same_however_pose_and_square_are_turned(
    values: list[tuple[float, float]], margin: float, angle: float
) -> None:
    upright = points_of(values) * 100
    turned = to_frame(upright / 100, Roi(30, 40, 200, angle))
    roi = Roi.along(turned, margin, angle)
    assert roi.angle == angle
    assert roi.size == pytest.approx(Roi.around(upright, margin).size, rel=1e-3)
    np.testing.assert_allclose(
        to_crop(turned, roi), to_crop(upright, Roi.around(upright, margin)), atol=1e-2
    )


def test_of_frame_covers_the_frame() -> None:
    corners = to_crop(points_of([(-0.5, -0.5), (639.5, 479.5)]), Roi.of_frame(640, 480))
    np.testing.assert_allclose(corners, [(-1, -0.75), (1, 0.75)], atol=1e-6)


@given(rois, rois)
def test_overlap_is_a_symmetric_share(one: Roi, other: Roi) -> None:
    assert 0 <= one.overlap(other) <= 1 + 1e-12
    assert one.overlap(other) == pytest.approx(other.overlap(one), abs=1e-12)
    assert one.overlap(one) == pytest.approx(1)
    assert one.distance(other) == other.distance(one) == hypot(one.x - other.x, one.y - other.y)


@pytest.mark.parametrize(
    ("other", "share"),
    [
        (Roi(5, 0, 10), 50 / 150),  # half beside
        (Roi(5, 5, 10), 25 / 175),  # a quarter
        (Roi(1, 1, 2), 4 / 100),  # within
        (Roi(10, 0, 10), 0),  # edge to edge
        (Roi(100, 0, 10), 0),
        (Roi(0, 0, 10, 1.0), 1),  # angles are ignored
    ],
)
def test_overlap_closed_forms(other: Roi, share: float) -> None:
    assert Roi(0, 0, 10).overlap(other) == pytest.approx(share)


@given(rois, rois, angles)
def test_overlap_of_squares_turned_alike_is_exact(one: Roi, other: Roi, angle: float) -> None:
    """Turning the whole picture about its origin changes nothing."""
    plain = [Roi(roi.x, roi.y, roi.size) for roi in (one, other)]
    turned = [
        Roi(
            roi.x * cos(angle) - roi.y * sin(angle),
            roi.x * sin(angle) + roi.y * cos(angle),
            roi.size,
            angle,
        )
        for roi in plain
    ]
    assert turned[0].overlap(turned[1]) == pytest.approx(plain[0].overlap(plain[1]), abs=1e-9)


# --- crops


@given(st.integers(16, 80), st.integers(0, 1000))
def test_identity_crop_is_the_image(size: int, seed: int) -> None:
    image = noise(size, size, seed)
    np.testing.assert_array_equal(crop(image, Roi.of_frame(size, size), size), image)


@given(st.integers(0, 60), st.integers(0, 40))
def test_crop_at_whole_pixels_is_a_slice(left: int, top: int) -> None:
    image = noise(96, 72)
    roi = Roi(left + 15.5, top + 15.5, 32)
    np.testing.assert_array_equal(crop(image, roi, 32), image[top : top + 32, left : left + 32])


@pytest.mark.parametrize("size", [32, 33])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_are_rot90(turns: int, size: int) -> None:
    image = noise(size, size)
    roi = Roi((size - 1) / 2, (size - 1) / 2, size, turns * pi / 2)
    np.testing.assert_array_equal(crop(image, roi, size), np.rot90(image, turns))


@pytest.mark.parametrize("factor", [2, 3, 5, 8])
def test_whole_factors_are_block_means(factor: int) -> None:
    image = noise(32 * factor, 32 * factor)
    blocks = image.reshape(32, factor, 32, factor, 3).mean(axis=(1, 3))
    small = crop(image, Roi.of_frame(*image.shape[1::-1]), 32)
    np.testing.assert_allclose(small, blocks, atol=0.51)


@pytest.mark.parametrize("factor", [9, 11, 16, 23])
def test_coarse_factors_keep_what_block_means_keep(factor: int) -> None:
    """Detail of a few blocks, under noise of single pixels that is averaged away."""
    side = 48 * factor
    turn = np.arange(side) / (4 * factor) * 2 * pi  # four blocks a period
    wave = 128 + 40 * np.sin(turn)[:, None] + 40 * np.cos(turn)[None, :]
    grain = np.random.default_rng(factor).normal(0, 12, (side, side, 3))
    image = (wave[..., None] + grain).round().clip(0, 255).astype(np.uint8)
    small = crop(image, Roi.of_frame(side, side), 48).astype(float)
    blocks = wave.reshape(48, factor, 48, factor).mean(axis=(1, 3))[..., None]
    assert np.abs(small.mean(axis=2, keepdims=True) - blocks).mean() < 3
    assert (small - blocks).std() < 0.6 * 12


@settings(max_examples=300)
@given(
    st.floats(-0.4, 1.4),
    st.floats(-0.4, 1.4),
    st.floats(20, 600),
    angles,
    st.sampled_from([32, 48]),
)
def test_crop_samples_the_picture_where_to_frame_says(
    across: float, down: float, side: float, angle: float, size: int
) -> None:
    """Turned, shrunk, enlarged, and over the border, where the border pixels are repeated."""
    roi = Roi(across * WIDTH, down * HEIGHT, side, angle)
    pitch = max(side / size, 1)
    where = to_frame(centres(size), roi)
    last = np.array([WIDTH - 1, HEIGHT - 1])
    off = np.abs(crop(smooth_image(), roi, size) - smooth(np.clip(where, 0, last)))
    within = ((where > pitch) & (where < last - pitch)).all(axis=2)
    curve = 2 * BEND * pitch**2 * (1 / 8 + 1 / 24)  # a line between two means, along x and y
    assert off[within].max(initial=0) <= 1.6 + curve
    assert off.max() <= 1.6 + curve + 2 * SLOPE * pitch / 2


@settings(max_examples=100)
@given(st.floats(-0.2, 1.2), st.floats(-0.2, 1.2), st.floats(10, 95), angles)
def test_crop_is_opencvs_own_warp(across: float, down: float, side: float, angle: float) -> None:
    """Of three channels and the whole image at once, to one level where nothing is shrunk."""
    image, size = noise(WIDTH, HEIGHT), 48
    roi = Roi(across * WIDTH, down * HEIGHT, side, angle)
    origin, right, below = to_frame(points_of([(-1, -1), (1, -1), (-1, 1)]), roi).astype(float)
    matrix = np.stack([(right - origin) / size, (below - origin) / size, origin], axis=1)
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    plain = cv2.warpAffine(image, matrix, (size, size), None, flags, cv2.BORDER_REPLICATE)
    off = np.abs(crop(image, roi, size).astype(int) - plain)
    assert off.max() <= 2  # of noise, where a thousandth of a pixel is a quarter of a level
    assert np.mean(off > 1) < 0.001


@pytest.mark.parametrize("factor", [3, 5, 7])
def test_no_column_or_row_is_lost_in_shrinking(factor: int) -> None:
    side = 32 * factor - 1  # the last blocks lack a pixel
    image = np.zeros((side, side, 3), np.uint8)
    image[:, 1 - factor :] = image[1 - factor :, :] = 255
    small = crop(image, Roi.of_frame(side, side), 31)
    assert small[-1].min() > 100
    assert small[:, -1].min() > 100


@pytest.mark.parametrize("factor", [2, 3, 4, 7])
def test_a_checkerboard_shrinks_to_grey(factor: int) -> None:
    rows, columns = np.indices((64 * factor, 64 * factor))
    board = np.repeat(((rows + columns) % 2 * 255)[..., None], 3, axis=2).astype(np.uint8)
    for angle in (0.0, 0.4):
        small = crop(board, Roi(32.3 * factor, 31.8 * factor, 48.0 * factor, angle), 48)
        assert np.abs(small - 127.5).max() <= 127.5 / factor**2 + 1.5


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.0])
@pytest.mark.parametrize("pitch", [0.5, 1, 1.9, 2, 2.5, 3, 4.2, 6])
def test_nothing_is_shifted(pitch: float, angle: float) -> None:
    """The centre of a blob stays where `to_crop` says, within a twentieth of a crop pixel."""
    x, y, size = 231.3, 174.8, 48
    roi = Roi(226, 171, pitch * size, angle)
    got = centroid(crop(gaussian(x, y, sigma=pitch * size / 16), roi, size))
    expected = to_crop(points_of([(x, y)]), roi)[0]
    np.testing.assert_allclose(got, expected, rtol=0, atol=0.05 * 2 / size)


@pytest.mark.parametrize("roi", [Roi(-500, 10, 64), Roi(10, 900, 30, 0.2), Roi(1e6, 1e6, 40)])
def test_far_outside_is_the_nearest_border(roi: Roi) -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 0], image[-1, :], image[-1, -1] = 10, 20, 30
    inside = np.clip(to_frame(centres(16), roi), 0, (59, 39))
    expected = image[np.rint(inside[..., 1]).astype(int), np.rint(inside[..., 0]).astype(int)]
    np.testing.assert_array_equal(crop(image, roi, 16), expected)


def test_a_thin_frame_shrinks_too() -> None:
    image = np.full((3, 640, 3), 90, np.uint8)
    image[:, ::2] = 110
    np.testing.assert_array_equal(crop(image, Roi.of_frame(640, 3), 32), 100)


def test_a_region_far_larger_than_the_frame() -> None:
    image = np.full((40, 60, 3), 90, np.uint8)
    np.testing.assert_array_equal(crop(image, Roi(30, 20, 1e12, 0.1), 16), 90)


@pytest.mark.parametrize("roi", [Roi(30, 20, 16), Roi(30, 20, 50, 0.4), Roi(-90, 0, 9)])
def test_out_is_written_in_place(roi: Roi) -> None:
    image, batch = noise(60, 40), np.zeros((2, 16, 16, 3), np.uint8)
    result = crop(image, roi, 16, out=batch[1])
    assert np.shares_memory(result, batch)
    np.testing.assert_array_equal(batch[1], crop(image, roi, 16))
    assert not batch[0].any()


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((16, 17, 3), np.uint8),
        np.zeros((16, 16), np.uint8),
        np.zeros((16, 16, 3), np.float32),
        np.zeros((16, 32, 3), np.uint8)[:, ::2],
    ],
    ids=["size", "grey", "float", "strided"],
)
def test_an_unfit_out_is_refused(out: Image) -> None:
    with pytest.raises(DataError, match="out"):
        crop(noise(60, 40), Roi(30, 20, 16), 16, out=out)


def test_the_image_is_not_changed() -> None:
    image = noise(60, 40)
    before = image.copy()
    image.setflags(write=False)
    for roi in (Roi(30, 20, 16), Roi(30, 20, 64)):
        crop(image, roi, 16)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("flip", [np.s_[:, ::-1], np.s_[::2, ::2], np.s_[5:, 7:50]])
def test_views_are_read_as_they_are(flip: tuple[slice, slice]) -> None:
    view = noise(60, 40)[flip]
    roi = Roi(20, 12, 40, 0.3)
    np.testing.assert_array_equal(crop(view, roi, 16), crop(view.copy(), roi, 16))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["grey", "alpha", "float", "empty"],
)
def test_only_bgr_bytes_are_cut(image: Image) -> None:
    with pytest.raises(DataError, match=r"\(H, W, 3\) uint8"):
        crop(image, Roi(0, 0, 4), 16)
