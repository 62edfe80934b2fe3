import numpy as np
import pytest

from engines.probes import COUNT, probes


@pytest.mark.parametrize("size", [16, 64, 128])
def test_probes_are_crops_and_always_the_same(size: int) -> None:
    crops = probes(size)
    assert (crops.shape, crops.dtype) == ((COUNT, size, size, 3), np.uint8)
    np.testing.assert_array_equal(crops, probes(size))


def test_no_two_are_alike_and_each_has_light_and_shade() -> None:
    crops = probes(64).astype(float)
    for index, crop in enumerate(crops):
        assert crop.std() > 20
        others = np.abs(np.delete(crops, index, 0) - crop).mean((1, 2, 3))
        assert others.min() > 10
