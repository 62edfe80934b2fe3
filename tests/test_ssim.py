import numpy as np
import pytest
import torch

from train.ssim import grey, ssim

# structural_similarity(a, b, data_range=255, gaussian_weights=True, sigma=1.5,
# use_sample_covariance=False) of scikit-image 0.26.0, for the pictures of `pair`
SCIKIT_IMAGE = 0.8708611448064922


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    a = np.random.default_rng(0).integers(0, 256, (40, 52)).astype(np.float64)
    y, x = np.mgrid[:40, :52]
    b = np.clip(0.6 * a + 0.4 * (128 + 90 * np.sin(x / 5) * np.cos(y / 7)), 0, 255)
    return torch.from_numpy(a)[None, None], torch.from_numpy(b)[None, None]


def test_it_is_that_of_scikit_image() -> None:
    assert float(ssim(*pair(), 255)) == pytest.approx(SCIKIT_IMAGE, abs=1e-12)


def test_the_span_sets_the_scale() -> None:
    a, b = pair()
    assert float(ssim(a / 255, b / 255, 1)) == pytest.approx(SCIKIT_IMAGE, abs=1e-12)


def test_a_picture_is_like_itself_and_order_does_not_matter() -> None:
    a, b = pair()
    assert float(ssim(a, a, 255)) == pytest.approx(1, abs=1e-12)
    assert float(ssim(a, b, 255)) == pytest.approx(float(ssim(b, a, 255)), abs=1e-12)


@pytest.mark.parametrize(("one", "two"), [(10.0, 200.0), (0.0, 0.0), (255.0, 254.0)])
def test_plain_pictures_differ_by_their_light_alone(one: float, two: float) -> None:
    flat = torch.ones(1, 1, 16, 16, dtype=torch.float64)
    c1 = (0.01 * 255) ** 2
    wanted = (2 * one * two + c1) / (one**2 + two**2 + c1)
    assert float(ssim(one * flat, two * flat, 255)) == pytest.approx(wanted, rel=1e-6)


def test_each_picture_of_a_batch_has_its_own() -> None:
    a, b = pair()
    both = ssim(torch.cat([a, a]), torch.cat([b, a]), 255)
    assert both.tolist() == pytest.approx([SCIKIT_IMAGE, 1.0])


def test_grey_is_the_luma() -> None:
    colours = torch.eye(3).view(3, 3, 1, 1)
    assert grey(colours).flatten().tolist() == pytest.approx([0.299, 0.587, 0.114])
