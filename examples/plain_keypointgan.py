"""The official networks and renderer ported as they stand, without any of keycam's economies.

A yardstick: `bench_training.py` measures against it, and the tests compare keycam's networks with
it number for number. Layers after tomasjakab/keypointgan (models/networks.py, models/utils.py), for
torch of today; full resolution from the first layer on, width 32, float32, default memory
format.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def cbr(ins: int, outs: int, kernel: int = 3, stride: int = 1, norm: str = "batch") -> list:
    """Convolution, normalisation, ReLU."""
    normed = nn.BatchNorm2d(outs) if norm == "batch" else nn.InstanceNorm2d(outs)
    convolution = nn.Conv2d(ins, outs, kernel, stride, kernel // 2, bias=norm != "batch")
    return [convolution, normed, nn.ReLU(inplace=True)]


def twice() -> nn.Upsample:
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)


def stack(ins: int, outs: int, norm: str) -> nn.Sequential:
    """The convolutional encoder that η and both branches of Ψ share: 32, 64, 128, 256 channels,
    then a 1x1 head."""
    layers = [*cbr(ins, 32, 7, 1, norm), *cbr(32, 32, norm=norm)]
    for width in (32, 64, 128):
        layers += [*cbr(width, 2 * width, 3, 2, norm), *cbr(2 * width, 2 * width, norm=norm)]
    return nn.Sequential(*layers, nn.Conv2d(256, outs, 1, bias=norm != "batch"))


class PlainEncoder(nn.Module):
    """Φ: (B, 3, S, S) -> (B, 1, S, S), with skips."""

    def __init__(self) -> None:
        super().__init__()
        self.e0 = nn.Sequential(*cbr(3, 32, 7), *cbr(32, 32))
        self.e1 = nn.Sequential(*cbr(32, 64, 3, 2), *cbr(64, 64))
        self.e2 = nn.Sequential(*cbr(64, 128, 3, 2), *cbr(128, 128))
        self.e3 = nn.Sequential(
            *cbr(128, 256, 3, 2), *cbr(256, 256), nn.Conv2d(256, 256, 1, bias=False)
        )
        self.d0 = nn.Sequential(*cbr(256, 256), *cbr(256, 256), twice())
        self.d1 = nn.Sequential(
            nn.Conv2d(384, 256, 1, bias=False), *cbr(256, 128), *cbr(128, 128), twice()
        )
        self.d2 = nn.Sequential(
            nn.Conv2d(192, 128, 1, bias=False), *cbr(128, 64), *cbr(64, 64), twice()
        )
        self.d3 = nn.Sequential(
            nn.Conv2d(96, 64, 1, bias=False), *cbr(64, 32), nn.Conv2d(32, 1, 3, padding=1)
        )

    def forward(self, picture: Tensor) -> Tensor:
        a = self.e0(picture.contiguous())
        b = self.e1(a)
        c = self.e2(b)
        x = self.d0(self.e3(c))
        x = self.d1(torch.cat([x, c], dim=1))
        x = self.d2(torch.cat([x, b], dim=1))
        drawing: Tensor = self.d3(torch.cat([x, a], dim=1))
        return drawing


class PlainRegressor(nn.Module):
    """η: (B, 1, S, S) -> (B, K, 2), marginal soft-argmax over cells centred by keycam's rule."""

    def __init__(self, points: int) -> None:
        super().__init__()
        self.layers = stack(1, points, "instance")

    def forward(self, drawing: Tensor) -> Tensor:
        maps = self.layers(drawing)
        count = maps.shape[-1]
        places = (torch.arange(count, device=maps.device) * 2 + 1) / count - 1
        x = (maps.mean(2).softmax(-1) * places).sum(-1)
        y = (maps.mean(3).softmax(-1) * places).sum(-1)
        return torch.stack([x, y], dim=-1)


class PlainDecoder(nn.Module):
    """Ψ: (B, 1, S, S) and (B, 3, S, S) -> (B, 3, S, S)."""

    def __init__(self) -> None:
        super().__init__()
        self.pose = stack(1, 256, "batch")
        self.look = stack(3, 256, "batch")
        layers: list = []
        for ins, outs in ((512, 256), (256, 128), (128, 64)):
            layers += [*cbr(ins, outs), *cbr(outs, outs), twice()]
        self.layers = nn.Sequential(*layers, *cbr(64, 32), nn.Conv2d(32, 3, 3, padding=1))

    def forward(self, drawing: Tensor, other: Tensor) -> Tensor:
        both = torch.cat([self.pose(drawing), self.look(other.contiguous())], dim=1)
        picture: Tensor = self.layers(both)
        return picture


class PlainDiscriminator(nn.Module):
    """D: PatchGANs at scales 1, 1/2 and 1/4. `downs` is 3 in the official code; at 64 pixels its
    coarsest scale would have no score left, there 2 is the most."""

    def __init__(self, downs: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList([self._patch(downs) for _ in range(3)])

    @staticmethod
    def _patch(downs: int) -> nn.Sequential:
        layers: list = [nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        for level in range(1, downs + 1):
            stride = 2 if level < downs else 1
            ins, outs = 64 * 2 ** (level - 1), 64 * 2**level
            convolution = nn.Conv2d(ins, outs, 4, stride, 1)
            layers += [convolution, nn.InstanceNorm2d(outs), nn.LeakyReLU(0.2, inplace=True)]
        return nn.Sequential(*layers, nn.Conv2d(64 * 2**downs, 1, 4, 1, 1))

    def forward(self, drawing: Tensor) -> list[Tensor]:
        sizes = [drawing.shape[-1] // 2**level for level in range(3)]
        drawings = [drawing] + [
            F.interpolate(drawing, size=(s, s), mode="bilinear", align_corners=False)
            for s in sizes[1:]
        ]
        return [patch(own) for patch, own in zip(self.scales, drawings, strict=True)]


class PlainRenderer(nn.Module):
    """β: every pixel against every edge, (B, E, P) at once, and the maximum over edges."""

    def __init__(self, edges: tuple[tuple[int, int], ...], size: int, sigma: float) -> None:
        super().__init__()
        self.register_buffer("edges", torch.tensor(edges), persistent=False)
        line = (torch.arange(size) * 2 + 1) / size - 1
        y, x = torch.meshgrid(line, line, indexing="ij")
        self.register_buffer("pixels", torch.stack([x, y], -1).reshape(-1, 2), persistent=False)
        self.size = size
        self.sigma = sigma

    def forward(self, keypoints: Tensor) -> Tensor:
        start = keypoints[:, self.edges[:, 0]].unsqueeze(2)  # (B, E, 1, 2)
        step = keypoints[:, self.edges[:, 1]].unsqueeze(2) - start
        offset = self.pixels - start  # (B, E, P, 2)
        along = (offset * step).sum(-1) / step.square().sum(-1).clamp(min=1e-6)
        nearest = start + along.clamp(0, 1).unsqueeze(-1) * step
        distance = ((nearest - self.pixels).square().sum(-1) + 1e-6).sqrt()  # (B, E, P)
        value = torch.exp(-distance / self.sigma**2).amax(dim=1)
        return (2 * value - 1).view(-1, 1, self.size, self.size)
