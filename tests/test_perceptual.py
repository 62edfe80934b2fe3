from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import DataError
from train.perceptual import (
    VGG_FILE,
    Filters,
    PerceptualLoss,
    Pixels,
    Vgg,
    perceptual_loss,
    vgg_weights,
)

# The feature extractor of torchvision's vgg19: channels of its convolutions, M = max-pooling.
LAYOUT = [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"]
TAPPED = (2, 7, 12, 21, 30)  # of features: conv1_2, conv2_2, conv3_2, conv4_2, conv5_2


def vgg19_features() -> nn.Sequential:
    """torchvision's module list, so that its numbering is an independent one."""
    layers: list[nn.Module] = []
    ins = 3
    for entry in LAYOUT:
        if entry == "M":
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(ins, int(entry), 3, padding=1), nn.ReLU()]
            ins = int(entry)
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Sequential]:
    """A TORCH_HOME with random weights in torchvision's layout, and the network they are of."""
    torch.manual_seed(0)
    features = vgg19_features()
    home = tmp_path_factory.mktemp("torch")
    file = home / "hub" / "checkpoints" / VGG_FILE
    file.parent.mkdir(parents=True)
    torch.save({f"features.{key}": value for key, value in features.state_dict().items()}, file)
    return home, features


def noise(seed: int, size: int = 32) -> Tensor:
    return torch.rand(2, 3, size, size, generator=torch.manual_seed(seed)) * 2 - 1


def test_the_first_value_is_one_whatever_its_size() -> None:
    for scale in (1e-2, 1.0, 30.0):
        loss = PerceptualLoss(Pixels(), 1)
        assert float(loss(noise(0) * scale, noise(1) * scale)) == pytest.approx(1.0, rel=1e-3)


def test_running_means_follow_by_one_hundredth() -> None:
    loss = PerceptualLoss(Pixels(), 1)
    zero = torch.zeros(1, 3, 2, 2)
    loss(zero + 2.0, zero)
    assert loss.running.tolist() == [4.0]
    value = loss(zero + 1.0, zero)
    running = 0.99 * 4 + 0.01 * 1
    assert loss.running.tolist() == pytest.approx([running])
    assert float(value) == pytest.approx(1 / running)


def test_each_tap_counts_the_same() -> None:
    class Twice(nn.Module):
        def forward(self, picture: Tensor) -> list[Tensor]:
            return [picture, 100 * picture.mean(dim=1)]

    loss = PerceptualLoss(Twice(), 2)
    zero = torch.zeros(1, 3, 2, 2)
    loss(zero + 1.0, zero)
    assert float(loss(zero + 0.5, zero)) == pytest.approx(0.25 / (0.99 + 0.0025), rel=1e-5)


def test_the_gradient_does_not_pass_through_the_running_mean() -> None:
    loss = PerceptualLoss(Pixels(), 1)
    made = torch.full((1, 3, 2, 2), 0.5, requires_grad=True)
    loss(made, torch.zeros(1, 3, 2, 2)).backward()
    # d(l/r)/dx with r held at 0.25: 2 x / 12 / 0.25
    torch.testing.assert_close(
        made.grad, torch.full_like(made, 2 * 0.5 / 12 / 0.25), rtol=1e-5, atol=0
    )


def test_the_running_means_are_part_of_the_state() -> None:
    first, second = perceptual_loss("filters"), perceptual_loss("filters")
    for seed in range(3):
        first(noise(seed), noise(seed + 10))
    second.load_state_dict(first.state_dict())
    assert float(first(noise(5), noise(6))) == float(second(noise(5), noise(6)))


def test_filters_see_no_difference_between_equal_pictures() -> None:
    features = Filters()
    for a, b in zip(features(noise(1)), features(noise(1)), strict=True):
        assert F.mse_loss(a, b) == 0
    assert [tuple(tap.shape[1:]) for tap in features(noise(1))] == [
        (3, 32, 32),
        (8, 16, 16),
        (8, 8, 8),
        (8, 4, 4),
        (8, 2, 2),
    ]


def test_filters_see_edges_alone_in_proportion_to_their_contrast() -> None:
    features, picture = Filters(), noise(2)
    for flat in features(torch.full((1, 3, 32, 32), 0.7))[1:]:
        assert flat.abs().max() < 1e-6
    brighter, paler = features(picture + 0.3), features(picture * 0.5)
    for tap, bright, pale in zip(features(picture)[1:], brighter[1:], paler[1:], strict=True):
        assert tap.min() >= 0
        torch.testing.assert_close(bright, tap, atol=1e-5, rtol=0)
        torch.testing.assert_close(pale, tap * 0.5, atol=1e-5, rtol=0)


def test_filters_know_the_direction_of_an_edge() -> None:
    step = torch.linspace(-1, 1, 32).sign().expand(1, 3, 32, 32)
    bright_right = Filters()(step)[1][0, :, 4:12, 7:9].mean(dim=(1, 2))
    bright_below = Filters()(step.transpose(2, 3))[1][0, :, 7:9, 4:12].mean(dim=(1, 2))
    assert int(bright_right.argmax()) == 0
    assert int(bright_below.argmax()) == 2
    torch.testing.assert_close(bright_below, bright_right.roll(2), atol=1e-5, rtol=0)


@pytest.mark.parametrize("relu", [False, True])
def test_vgg_taps_are_those_of_torchvisions_layers(vgg: tuple, relu: bool) -> None:
    home, features = vgg
    taps = Vgg(home / "hub" / "checkpoints" / VGG_FILE, relu=relu)(noise(3))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x = ((noise(3) + 1) / 2 - mean) / deviation
    wanted = [x]
    with torch.no_grad():
        for number, layer in enumerate(features[: TAPPED[-1] + 2]):
            if isinstance(layer, nn.ReLU) and not relu:
                continue
            x = layer(x)
            if number - relu in TAPPED:  # behind the convolution, or behind its ReLU
                assert isinstance(layer, nn.ReLU if relu else nn.Conv2d)
                wanted.append(x.clone())
    shapes = [(3, 32), (64, 32), (128, 16), (256, 8), (512, 4), (512, 2)]
    assert [tuple(tap.shape) for tap in taps] == [(2, c, s, s) for c, s in shapes]
    for tap, own in zip(taps, wanted, strict=True):
        torch.testing.assert_close(tap, own, atol=1e-5, rtol=1e-4)


def test_auto_takes_vgg_where_its_weights_are_and_filters_elsewhere(
    vgg: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(vgg[0]))
    assert vgg_weights() is not None
    found = perceptual_loss("auto").features
    assert isinstance(found, Vgg)
    assert not found.relu
    assert not any(p.requires_grad for p in found.parameters())
    assert perceptual_loss("vgg-relu").features.relu
    assert isinstance(perceptual_loss("filters").features, Filters)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert isinstance(perceptual_loss("auto").features, Filters)


@pytest.mark.parametrize("kind", ["vgg", "vgg-relu"])
def test_without_weights_vgg_is_refused_with_the_way_out(
    kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(DataError, match="--set perceptual=filters") as caught:
        perceptual_loss(kind)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not a file of weights", b"PK\x03\x04broken"])
def test_damaged_weights_are_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / VGG_FILE
    file.write_bytes(content)
    with pytest.raises(DataError, match="VGG-19"):
        perceptual_loss("vgg", file)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    file = tmp_path / VGG_FILE
    torch.save({"features.0.weight": torch.zeros(1)}, file)
    with pytest.raises(DataError, match="VGG-19"):
        perceptual_loss("vgg", file)
