import numpy as np
import pytest
import torch
from torch import nn

from train.batches import tensor
from train.tracker_network import InvertedResidual, TrackerGraph, TrackerNetwork, normalised


def test_size_is_that_of_a_network_for_live_use() -> None:
    network = TrackerNetwork(68)
    parameters = sum(p.numel() for p in network.parameters())
    assert 0.3e6 < parameters < 0.6e6
    products = 0

    def count(layer: nn.Module, _: object, out: torch.Tensor) -> None:
        nonlocal products
        if isinstance(layer, nn.Conv2d):
            products += out.numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            products += out.numel() * layer.in_features

    for layer in network.modules():
        layer.register_forward_hook(count)
    network.eval()(torch.zeros(1, 3, 128, 128))
    assert 0.02e9 < products < 0.07e9


@pytest.mark.parametrize("side", [32, 64])
def test_shapes_and_ranges(side: int) -> None:
    crops = torch.randint(0, 256, (3, side, side, 3), dtype=torch.uint8)
    keypoints, confidence = TrackerGraph(TrackerNetwork(5)).eval()(crops)
    assert keypoints.shape == (3, 5, 2)
    assert confidence.shape == (3, 5)
    assert keypoints.abs().max() < 1
    assert confidence.min() >= 0
    assert confidence.max() <= 1


def test_averaging_before_the_heads_equals_heatmaps_averaged_after() -> None:
    """The claim the network rests on: marginals commute with a 1x1 convolution."""
    from train.softargmax import soft_argmax

    torch.manual_seed(0)
    network = TrackerNetwork(5).eval()
    network.down.load_state_dict(network.across.state_dict())
    features = []
    network.up_quarter.register_forward_hook(lambda *call: features.append(call[2]))
    keypoints, _ = network(torch.randn(2, 3, 64, 64))
    weight = network.across.weight[:, :, None, None]
    heatmaps = nn.functional.conv2d(features[0], weight, network.across.bias)
    assert heatmaps.shape == (2, 5, 16, 16)
    torch.testing.assert_close(soft_argmax(heatmaps), keypoints, atol=1e-5, rtol=0)


def test_a_block_is_residual_only_where_shapes_allow() -> None:
    assert InvertedResidual(8, 8, 1, 2).skip
    assert not InvertedResidual(8, 8, 2, 2).skip
    assert not InvertedResidual(8, 9, 1, 2).skip
    block = InvertedResidual(8, 8, 1, 2).eval()
    nn.init.zeros_(block.layers[-1][1].weight)
    x = torch.randn(1, 8, 4, 4)
    torch.testing.assert_close(block(x), x)


def test_normalised_is_the_one_normalisation_in_the_cameras_order() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)
    own = normalised(torch.from_numpy(crops))
    torch.testing.assert_close(own.flip(1), tensor(crops, torch.device("cpu")))
    assert own[0, 0, 0, 0] == pytest.approx(crops[0, 0, 0, 0] / 127.5 - 1)
