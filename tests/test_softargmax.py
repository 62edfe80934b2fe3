import numpy as np
import pytest
import torch

from train.softargmax import centres, expected_place, soft_argmax


def by_loops(maps: np.ndarray) -> np.ndarray:
    """The marginal soft-argmax, written out."""
    batch, points, height, width = maps.shape
    places = np.zeros((batch, points, 2))
    for b in range(batch):
        for k in range(points):
            across = [sum(maps[b, k, i, j] for i in range(height)) / height for j in range(width)]
            down = [sum(maps[b, k, i, j] for j in range(width)) / width for i in range(height)]
            for axis, profile in enumerate((across, down)):
                weights = [np.exp(v - max(profile)) for v in profile]
                cells = [(2 * n + 1) / len(profile) - 1 for n in range(len(profile))]
                total = sum(w * c for w, c in zip(weights, cells, strict=True))
                places[b, k, axis] = total / sum(weights)
    return places


def test_equals_the_plain_loops() -> None:
    maps = np.random.default_rng(0).normal(0, 3, (2, 3, 5, 7))
    found = soft_argmax(torch.from_numpy(maps)).numpy()
    np.testing.assert_allclose(found, by_loops(maps), atol=1e-12)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 5), (3, 7), (1, 4)])
def test_a_single_high_cell_gives_its_centre(row: int, column: int) -> None:
    maps = torch.zeros(1, 1, 4, 8)
    maps[0, 0, row, column] = 1000.0
    wanted = [(2 * column + 1) / 8 - 1, (2 * row + 1) / 4 - 1]
    np.testing.assert_allclose(soft_argmax(maps)[0, 0].numpy(), wanted, atol=1e-6)


def test_an_even_map_gives_the_middle_and_no_map_leaves_the_outer_cells() -> None:
    assert soft_argmax(torch.full((1, 1, 6, 6), 3.0)).abs().max() < 1e-6
    wild = torch.randn(4, 9, 16, 16, generator=torch.manual_seed(0)) * 1e4
    assert soft_argmax(wild).abs().max() <= 1 - 1 / 16


def test_huge_values_stay_finite() -> None:
    maps = torch.tensor([[[[1e37, -1e37], [1e37, -1e37]]]])
    np.testing.assert_allclose(soft_argmax(maps)[0, 0].numpy(), [-0.5, 0.0], atol=1e-6)


def test_gradient() -> None:
    maps = torch.randn(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(soft_argmax, (maps,))


def test_expected_place_takes_profiles_of_different_lengths() -> None:
    across, down = torch.tensor([[[0.0, 50.0]]]), torch.tensor([[[0.0, 0.0, 0.0, 50.0]]])
    np.testing.assert_allclose(expected_place(across, down)[0, 0].numpy(), [0.5, 0.75], atol=1e-6)


def test_centres_have_the_edges_at_one() -> None:
    np.testing.assert_allclose(centres(4, torch.zeros(())).numpy(), [-0.75, -0.25, 0.25, 0.75])
