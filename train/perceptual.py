"""The perceptual loss: distances between feature maps, each normalised by its running size."""

import os
import pickle
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.errors import DataError
from train import world

VGG_FILE = "vgg19-dcbb9e9d.pth"  # torchvision's ImageNet weights, as torch.hub stores them
_DAMAGE = (OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, pickle.PickleError)
Kind = Literal["auto", "vgg", "vgg-relu", "filters", "pixels"]


class Vgg(nn.Module):
    """Taps of VGG-19: the mean-subtracted picture, conv1_2, conv2_2, conv3_2, conv4_2, conv5_2.

    The official forward pass has no ReLU between the convolutions (models/perceptual_loss.py:
    46-69); `relu=True` is the textbook network instead, tapped behind its ReLUs. Weights are
    torchvision's, which want pictures divided by a deviation per channel where the official
    MatConvNet ones do not. They are frozen and no part of a checkpoint.
    """

    PLAN = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 2))  # channels, convolutions per block
    MEAN = (0.485, 0.456, 0.406)
    DEVIATION = (0.229, 0.224, 0.225)

    def __init__(self, weights: Path, *, relu: bool) -> None:
        super().__init__()
        self.relu = relu
        self.register_buffer("mean", torch.tensor(self.MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer(
            "deviation", torch.tensor(self.DEVIATION).view(1, 3, 1, 1), persistent=False
        )
        stored = torch.load(weights, map_location="cpu", weights_only=True)
        place = 0
        for number, (_, count) in enumerate(self.PLAN):
            for depth in range(count):
                for key in ("weight", "bias"):
                    value = stored[f"features.{place}.{key}"]
                    self.register_buffer(f"{key}_{number}_{depth}", value, persistent=False)
                place += 2
            place += 1

    def forward(self, picture: Tensor) -> list[Tensor]:
        x = ((picture + 1) / 2 - self.mean) / self.deviation
        taps = [x]
        for number, (_, count) in enumerate(self.PLAN):
            x = F.max_pool2d(x, 2) if number else x
            for depth in range(count):
                layer = f"{number}_{depth}"
                weight, bias = getattr(self, f"weight_{layer}"), getattr(self, f"bias_{layer}")
                x = F.conv2d(x, weight, bias, padding=1)
                x = F.relu(x) if self.relu else x
                if depth == 1:
                    taps.append(x)
        return taps


class Filters(nn.Module):
    """A substitute that needs no download: the picture and its oriented edges at four scales.

    At each scale the luminance's gradient is split into eight half-wave rectified orientations and
    pooled over 2x2 pixels, as the first layers of a trained network do. Edges are not divided by
    their local energy: that was tried, and the decoder then fills flat regions with faint patterns.
    """

    SCALES = 4
    ORIENTATIONS = 8

    def __init__(self) -> None:
        super().__init__()
        angles = torch.arange(self.ORIENTATIONS) * (2 * torch.pi / self.ORIENTATIONS)
        across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
        bank = [a.cos() * across + a.sin() * across.T for a in angles]
        self.register_buffer("bank", torch.stack(bank).unsqueeze(1), persistent=False)
        grey = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        self.register_buffer("grey", grey, persistent=False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        taps = [picture]
        x = F.conv2d(picture, self.grey)
        for level in range(self.SCALES):
            x = F.avg_pool2d(x, 2) if level else x
            edges = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), self.bank)
            taps.append(F.avg_pool2d(F.relu(edges), 2))
        return taps


class Pixels(nn.Module):
    """No features: the picture itself."""

    def forward(self, picture: Tensor) -> list[Tensor]:
        return [picture]


class PerceptualLoss(nn.Module):
    """Mean over taps of their mean squared difference over its own running mean.

    Per tap r starts at the first value and follows as r = 0.99 r + 0.01 l; the term is
    l / (r + 1e-8) (official code, models/perceptual_loss.py:85-110). The running means are part
    of the state, so that a resumed run goes on as it would have.
    """

    running: Tensor

    def __init__(self, features: nn.Module, taps: int) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("running", torch.zeros(taps))

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        with torch.no_grad():
            targets = self.features(wanted)
        pairs = zip(self.features(made), targets, strict=True)
        losses = torch.stack([F.mse_loss(a, b) for a, b in pairs])
        with torch.no_grad():
            seen = world.mean(losses)
            followed = 0.99 * self.running + 0.01 * seen
            self.running.copy_(torch.where(self.running == 0, seen, followed))
        return (losses / (self.running + 1e-8)).mean()


def perceptual_loss(kind: Kind, weights: Path | None = None) -> PerceptualLoss:
    """The loss over the features of `kind`; "auto" takes VGG-19 where its weights are found.

    Raises:
        DataError: VGG-19 was asked for and its weights are nowhere, or they are damaged.
    """
    path = weights or vgg_weights()
    if kind in ("vgg", "vgg-relu") and path is None:
        raise DataError(
            f"VGG-19's weights ({VGG_FILE}) are not on this machine: put torchvision's file into "
            f"{_hub()} or train with --set perceptual=filters"
        )
    if path is not None and kind in ("auto", "vgg", "vgg-relu"):
        try:
            features = Vgg(path, relu=kind == "vgg-relu")
        except _DAMAGE as error:
            raise DataError(f"{path}: not torchvision's VGG-19 weights; get it again") from error
        return PerceptualLoss(features, 1 + len(Vgg.PLAN))
    if kind == "pixels":
        return PerceptualLoss(Pixels(), 1)
    return PerceptualLoss(Filters(), 1 + Filters.SCALES)


def vgg_weights() -> Path | None:
    """Where torchvision or torch.hub left VGG-19's weights on this machine, if they did."""
    file = _hub() / VGG_FILE
    return file if file.is_file() else None


def _hub() -> Path:
    home = os.environ.get("TORCH_HOME") or Path.home() / ".cache" / "torch"
    return Path(home) / "hub" / "checkpoints"
