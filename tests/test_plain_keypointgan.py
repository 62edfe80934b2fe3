"""The plain port as an oracle: at width 32 our networks are the official ones, number by number."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from engines import Skeleton
from train.networks import Decoder, Discriminator, Encoder, Regressor
from train.renderer import Renderer

sys.path.append(str(Path(__file__).parents[1] / "examples"))

from plain_keypointgan import (
    PlainDecoder,
    PlainDiscriminator,
    PlainEncoder,
    PlainRegressor,
    PlainRenderer,
)


def copied(ours: list[nn.Module], plain: nn.Module) -> None:
    """Give the plain network our weights, layer by layer in the order of the forward pass."""
    values = [value for layer in ours for value in layer.state_dict().values()]
    names = list(plain.state_dict())
    plain.load_state_dict(dict(zip(names, values, strict=True)))


def pictures(channels: int) -> torch.Tensor:
    return torch.rand(2, channels, 64, 64, generator=torch.Generator().manual_seed(3)) * 2 - 1


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_encoder() -> None:
    ours, plain = Encoder(32), PlainEncoder()
    assert sum(p.numel() for p in plain.parameters()) == 3_124_801
    pairs = [part for pair in zip(ours.merge, ours.up, strict=True) for part in pair]
    copied([*ours.down, ours.bridge, ours.bottom, *pairs], plain)
    torch.testing.assert_close(plain(pictures(3)), ours(pictures(3)))


def test_regressor() -> None:
    ours, plain = Regressor(32, 32), PlainRegressor(32)
    assert sum(p.numel() for p in plain.parameters()) == 1_181_184
    copied([ours], plain)
    torch.testing.assert_close(plain(pictures(1)), ours(pictures(1)))


def test_decoder() -> None:
    ours, plain = Decoder(32), PlainDecoder()
    assert sum(p.numel() for p in plain.parameters()) == 4_825_635
    copied([ours], plain)
    inputs = pictures(1), pictures(3)
    torch.testing.assert_close(plain(*inputs), ours(*inputs))


def test_discriminator() -> None:
    assert sum(p.numel() for p in PlainDiscriminator(3).parameters()) == 8_288_067
    ours, plain = Discriminator(64, 2), PlainDiscriminator(2)
    copied([ours], plain)
    for one, two in zip(plain(pictures(1)), ours(pictures(1)), strict=True):
        torch.testing.assert_close(one, two)


def test_renderer() -> None:
    edges = Skeleton.load("face68").edges
    points = torch.rand(3, 68, 2, generator=torch.Generator().manual_seed(4)) * 2 - 1
    ours, plain = Renderer(edges, 32, 0.2), PlainRenderer(edges, 32, 0.2)
    torch.testing.assert_close(plain(points), ours(points), rtol=1e-4, atol=1e-5)
