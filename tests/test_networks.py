import pytest
import torch
from torch import nn

from train.config import Config
from train.networks import Decoder, Discriminator, Encoder, Regressor, contraction, initialise, unit


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def layers(network: nn.Module, kind: type) -> list[nn.Module]:
    return [layer for layer in network.modules() if isinstance(layer, kind)]


def of_preset(name: str, points: int) -> tuple[Encoder, Regressor, Decoder, Discriminator]:
    config = Config.of_preset(name)
    return (
        Encoder(config.encoder_width, config.stem),
        Regressor(points, config.regressor_width, config.regressor_downs),
        Decoder(config.decoder_width, config.stem, config.decoder_downs),
        Discriminator(config.critic_width, config.critic_downs),
    )


def test_the_paper_preset_has_the_official_parameter_counts() -> None:
    counts = [count(network) for network in of_preset("paper", 32)]
    assert counts == [3_124_801, 1_181_184, 4_825_635, 8_288_067]


def test_68_points_add_what_the_official_head_adds() -> None:
    assert count(Regressor(68, 32)) == 1_190_436


@pytest.mark.parametrize("preset", ["paper", "compact"])
def test_shapes(preset: str) -> None:
    config = Config.of_preset(preset)
    encoder, regressor, decoder, discriminator = (
        network.eval() for network in of_preset(preset, 9)
    )
    frames = torch.zeros(2, 3, config.size, config.size)
    with torch.no_grad():
        drawing = encoder(frames)
        assert drawing.shape == (2, 1, config.drawing, config.drawing)
        assert regressor(drawing).shape == (2, 9, 2)
        assert decoder(drawing, frames).shape == frames.shape
        assert [tuple(s.shape) for s in discriminator(drawing)] == [
            (2, 1, side, side) for side in (14, 6, 2)
        ]


def test_the_official_heatmaps_are_16_cells_wide() -> None:
    seen = []
    regressor = Regressor(5, 32)
    regressor.head.register_forward_hook(lambda *call: seen.append(call[2].shape))
    regressor(torch.zeros(1, 1, 128, 128))
    assert seen == [(1, 5, 16, 16)]


def test_batch_norm_in_encoder_and_decoder_instance_norm_in_regressor_and_discriminator() -> None:
    encoder, regressor, decoder, discriminator = of_preset("paper", 32)
    for network in (encoder, decoder):
        assert layers(network, nn.BatchNorm2d)
        assert not layers(network, nn.InstanceNorm2d)
    for network in (regressor, discriminator):
        normed = layers(network, nn.InstanceNorm2d)
        assert normed
        assert not layers(network, nn.BatchNorm2d)
        assert not any(layer.affine or layer.track_running_stats for layer in normed)


def test_a_convolution_has_a_bias_only_where_no_batch_norm_follows() -> None:
    assert unit(3, 4, "batch")[0].bias is None
    assert unit(3, 4, "instance")[0].bias is not None


def test_the_first_score_of_a_patch_is_not_normalised() -> None:
    for patch in Discriminator(64).scales:
        assert [type(layer).__name__ for layer in patch][:5] == [
            "Conv2d",
            "LeakyReLU",
            "Conv2d",
            "InstanceNorm2d",
            "LeakyReLU",
        ]
        assert all(layer.negative_slope == 0.2 for layer in layers(patch, nn.LeakyReLU))


def test_a_contraction_halves_the_picture_and_doubles_the_width_per_stage() -> None:
    x, shapes = torch.zeros(1, 3, 32, 32), []
    for stage in contraction(3, 4, 3, "instance", 1):
        x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(4, 32, 32), (8, 16, 16), (16, 8, 8), (32, 4, 4)]


def test_the_decoder_sees_both_its_inputs_and_the_encoder_all_its_stages() -> None:
    torch.manual_seed(0)
    decoder, encoder = Decoder(4), Encoder(4)
    drawing = torch.randn(2, 1, 32, 32, requires_grad=True)
    other = torch.randn(2, 3, 32, 32, requires_grad=True)
    decoder(drawing, other).square().sum().backward()
    assert drawing.grad.abs().max() > 0
    assert other.grad.abs().max() > 0
    encoder(other.detach()).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in encoder.parameters())


def test_the_discriminators_three_scales_see_the_drawing_at_three_sizes() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator(4, 1)
    for patch in discriminator.scales[1:]:
        patch.load_state_dict(discriminator.scales[0].state_dict())
    drawing = torch.randn(1, 1, 64, 64)
    smaller = drawing.view(1, 1, 32, 2, 32, 2).mean(dim=(3, 5))  # bilinear at one half
    scores = discriminator(drawing)
    torch.testing.assert_close(scores[1], discriminator.scales[0](smaller))


def test_initialisation_is_the_official_one() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(64, 256, 3), nn.BatchNorm2d(4096), nn.Conv2d(8, 8, 1, bias=False)
    )
    initialise(network)
    weight, gain = network[0].weight.detach(), network[1].weight.detach()
    assert abs(float(weight.mean())) < 3e-4
    assert float(weight.std()) == pytest.approx(0.02, rel=0.02)
    assert float(gain.mean()) == pytest.approx(1.0, abs=2e-3)
    assert float(gain.std()) == pytest.approx(0.02, rel=0.1)
    assert not network[0].bias.any()
    assert not network[1].bias.any()
