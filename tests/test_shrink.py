import numpy as np
import pytest

from realtime.shrink import Shrinker, shrink


def ramp(width: int, height: int) -> np.ndarray:
    rows, columns = np.indices((height, width))
    levels = 20 + 100 * columns / width + 100 * rows / height
    return np.repeat(levels[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("size", [(640, 360), (320, 180), (500, 281), (100, 57), (1279, 719)])
def test_pictures_are_shrunk_without_being_moved(size: tuple[int, int]) -> None:
    small = shrink(ramp(1280, 720), size)
    assert small.shape == (size[1], size[0], 3)
    assert np.abs(small.astype(int) - ramp(*size)).max() <= 2


def test_what_was_begun_is_what_would_have_been_made() -> None:
    shrinker, image = Shrinker(), ramp(1280, 720)
    for size in ((320, 180), (1000, 562)):  # with and without a thread
        shrinker.begin(image, size)
        np.testing.assert_array_equal(shrinker.take(image, size), shrink(image, size))


def test_nobody_gets_another_frames_picture() -> None:
    shrinker, first, second = Shrinker(), ramp(1280, 720), 255 - ramp(1280, 720)
    shrinker.begin(first, (320, 180))
    made = shrinker.take(second, (320, 180))
    np.testing.assert_array_equal(made, shrink(second, (320, 180)))
    shrinker.begin(first, (320, 180))
    assert shrinker.take(first, (160, 90)).shape == (90, 160, 3)
    once, again = (shrinker.take(first, (160, 90)) for _ in range(2))
    assert once is not again  # each its taker's to draw on
