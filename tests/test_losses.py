import numpy as np
import pytest
import torch
from torch import nn
from toy import TRIANGLE, found_dots, tiny_config, toy_footage

from train.batches import draw_batch
from train.losses import (
    discriminator_loss,
    equivariance_loss,
    freeze,
    generator_loss,
    looked_up,
    mirror_back,
)


def test_generator_loss_is_the_mean_over_scales_of_the_squared_way_to_one() -> None:
    scores = [torch.full((2, 1, 14, 14), 0.5), torch.full((2, 1, 2, 2), -1.0)]
    assert float(generator_loss(scores)) == pytest.approx((0.25 + 4.0) / 2)
    assert float(generator_loss([torch.ones(1, 1, 3, 3)])) == 0.0


def test_discriminator_loss_is_half_the_sum_of_both_sides() -> None:
    real = [torch.full((1, 1, 4, 4), 0.5), torch.full((1, 1, 2, 2), 1.0)]
    fake = [torch.full((1, 1, 4, 4), 2.0), torch.full((1, 1, 2, 2), 0.0)]
    assert float(discriminator_loss(real, fake)) == pytest.approx(0.5 * (0.125 + 2.0))
    ones, zeros = [torch.ones(1, 1, 2, 2)], [torch.zeros(1, 1, 2, 2)]
    assert float(discriminator_loss(ones, zeros)) == 0.0


def test_equivariance_loss_is_a_mean_distance() -> None:
    a = torch.zeros(2, 3, 2)
    assert float(equivariance_loss(a, a + torch.tensor([0.3, 0.4]))) == pytest.approx(0.5, rel=1e-4)
    a.requires_grad_()
    equivariance_loss(a, a.detach()).backward()  # at zero distance
    assert torch.isfinite(a.grad).all()


def identity(size: int) -> torch.Tensor:
    line = (torch.arange(size) * 2 + 1) / size - 1
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)[None]


def test_looking_up_the_identity_field_gives_the_points() -> None:
    inner = (torch.rand(1, 20, 2, generator=torch.manual_seed(0)) * 2 - 1) * (1 - 1 / 16)
    torch.testing.assert_close(looked_up(identity(16), inner), inner, atol=1e-5, rtol=0)


def test_looking_up_an_affine_field_gives_the_affine_map_also_in_its_gradient() -> None:
    matrix, shift = torch.tensor([[0.8, -0.3], [0.2, 1.1]]), torch.tensor([0.1, -0.2])
    field = identity(32) @ matrix.T + shift
    points = (torch.rand(1, 9, 2, generator=torch.manual_seed(1)) - 0.5).requires_grad_()
    found = looked_up(field, points)
    torch.testing.assert_close(found, points @ matrix.T + shift, atol=1e-5, rtol=0)
    found[..., 0].sum().backward()
    torch.testing.assert_close(points.grad, matrix[0].expand(1, 9, 2), atol=1e-4, rtol=0)


def test_outside_the_field_its_border_holds() -> None:
    found = looked_up(identity(8), torch.tensor([[[5.0, 0.0], [-5.0, -5.0]]]))
    wanted = torch.tensor([[[0.875, 0.0], [-0.875, -0.875]]])
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def test_mirror_back_is_its_own_inverse_and_touches_only_mirrored_pictures() -> None:
    points = torch.randn(2, 3, 2)
    mirrored = torch.tensor([True, False])
    back = mirror_back(points, mirrored, TRIANGLE.flipped)
    torch.testing.assert_close(back[0], points[0, [1, 0, 2]] * torch.tensor([-1.0, 1.0]))
    torch.testing.assert_close(back[1], points[1])
    torch.testing.assert_close(mirror_back(back, mirrored, TRIANGLE.flipped), points)


@pytest.mark.parametrize("any_turn", [False, True])
def test_moved_pictures_and_their_field_agree_with_the_frames_to_a_pixel(any_turn: bool) -> None:
    """End to end: dots found in `moved`, taken back by mirror and field, are the dots of `frames`.

    Crop, turn, size, shift, bend and mirror are all on; and the equivariance loss of a network
    that finds the dots exactly is next to nothing."""
    config = tiny_config(
        size=64, batch=12, turn=0.3, scale=0.15, shift=0.1, bend=0.06, mirror=True, zoom=1.0
    )
    batch = draw_batch(toy_footage(), config, np.random.default_rng(0), any_turn=any_turn)
    assert 0 < batch.mirrored.sum() < 12
    here = np.stack([found_dots(picture) for picture in batch.frames])
    seen = np.stack([found_dots(picture) for picture in batch.moved])
    # a network names what it sees: in a mirrored picture the left dot is the right one's mirror
    named = np.where(batch.mirrored[:, None, None], seen[:, list(TRIANGLE.flipped)], seen)
    back = mirror_back(
        torch.from_numpy(named).float(), torch.from_numpy(batch.mirrored), TRIANGLE.flipped
    )
    there = looked_up(torch.from_numpy(batch.origin), back)
    whole = np.abs(here).max(axis=(1, 2)) < 0.85  # no dot is cut by an edge
    whole &= np.abs(seen).max(axis=(1, 2)) < 0.85
    assert whole.sum() >= 6
    gaps_px = np.linalg.norm(there.numpy() - here, axis=-1)[whole] * 32
    assert gaps_px.max() < 1.0
    assert gaps_px.mean() < 0.35
    moves_px = np.linalg.norm(seen - here, axis=-1)[whole] * 32
    assert moves_px.mean() > 5  # what the field undoes is no trifle
    loss = equivariance_loss(torch.from_numpy(here).float()[whole], there[whole])
    assert float(loss) < 0.35 / 32


def test_freeze_and_thaw() -> None:
    network = nn.Linear(2, 2)
    freeze(network)
    assert not any(p.requires_grad for p in network.parameters())
    freeze(network, frozen=False)
    assert all(p.requires_grad for p in network.parameters())
