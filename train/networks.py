"""The networks of the method: encoder Φ, regressor η, decoder Ψ, discriminator D.

One set of classes serves both presets: at width 32 with a full-resolution stem they are the
official networks layer for layer (official code, models/networks.py; parameter counts in the
tests), and narrower with a stride-2 stem they are the compact ones for a CPU.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.softargmax import soft_argmax

Norm = Literal["batch", "instance"]


def unit(ins: int, outs: int, norm: Norm, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, normalisation, ReLU. Instance normalisation has no parameters, so there the
    convolution keeps its bias."""
    convolution = nn.Conv2d(ins, outs, kernel, stride, padding=kernel // 2, bias=norm == "instance")
    layer: nn.Module = nn.BatchNorm2d(outs) if norm == "batch" else nn.InstanceNorm2d(outs)
    return nn.Sequential(convolution, layer, nn.ReLU(inplace=True))


def contraction(ins: int, width: int, downs: int, norm: Norm, stem: int) -> nn.ModuleList:
    """Stages of two units each; every stage but the first halves the picture and doubles width."""
    stages = nn.ModuleList(
        [nn.Sequential(unit(ins, width, norm, 7, stem), unit(width, width, norm))]
    )
    for _ in range(downs):
        stages.append(
            nn.Sequential(unit(width, width * 2, norm, 3, 2), unit(width * 2, width * 2, norm))
        )
        width *= 2
    return stages


def double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Encoder(nn.Module):
    """Φ: picture (B, 3, S, S) in [-1, 1] -> skeleton image (B, 1, S/stem, S/stem), linear."""

    def __init__(self, width: int, stem: int = 1, downs: int = 3) -> None:
        super().__init__()
        self.down = contraction(3, width, downs, "batch", stem)
        top = width * 2**downs
        self.bridge = nn.Conv2d(top, top, 1, bias=False)
        self.bottom = nn.Sequential(unit(top, top, "batch"), unit(top, top, "batch"))
        self.merge, self.up = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(downs)):
            self.merge.append(nn.Conv2d(width * 2**level + top, top, 1, bias=False))
            half = top // 2
            last = unit(half, half, "batch") if level else nn.Conv2d(half, 1, 3, padding=1)
            self.up.append(nn.Sequential(unit(top, half, "batch"), last))
            top = half

    def forward(self, picture: Tensor) -> Tensor:
        skips = []
        x = picture
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        x = self.bottom(self.bridge(skips.pop()))
        for merge, up in zip(self.merge, self.up, strict=True):
            x = up(merge(torch.cat([double(x), skips.pop()], dim=1)))
        return x


class Regressor(nn.Module):
    """η: skeleton image (B, 1, s, s) -> keypoints (B, K, 2) in [-1, 1], by soft-argmax."""

    def __init__(self, points: int, width: int, downs: int = 3) -> None:
        super().__init__()
        self.down = contraction(1, width, downs, "instance", 1)
        self.head = nn.Conv2d(width * 2**downs, points, 1)

    def forward(self, drawing: Tensor) -> Tensor:
        x = drawing
        for stage in self.down:
            x = stage(x)
        maps = self.head(x)
        if maps.dtype == torch.bfloat16:  # too coarse for a softmax
            maps = maps.float()
        return soft_argmax(maps)


class Decoder(nn.Module):
    """Ψ: skeleton image (B, 1, s, s) and another frame (B, 3, S, S) -> picture (B, 3, S, S).

    The two are encoded apart, joined at their coarsest and decoded together, without skips: what
    the picture shows must come through 2-D layout and appearance. `stem` > 1 lets the picture in
    and out at a coarser grid (strided stem, pixel shuffle).
    """

    def __init__(self, width: int, stem: int = 1, downs: int = 3) -> None:
        super().__init__()
        top = width * 2**downs
        self.pose = contraction(1, width, downs, "batch", 1)
        self.pose_head = nn.Conv2d(top, top, 1, bias=False)
        self.look = contraction(3, width, downs, "batch", stem)
        self.look_head = nn.Conv2d(top, top, 1, bias=False)
        self.up = nn.ModuleList()
        ins = 2 * top
        for level in reversed(range(1, downs + 1)):
            outs = width * 2**level
            self.up.append(nn.Sequential(unit(ins, outs, "batch"), unit(outs, outs, "batch")))
            ins = outs
        self.last = nn.Sequential(
            unit(ins, width, "batch"), nn.Conv2d(width, 3 * stem**2, 3, padding=1)
        )
        self.shuffle = nn.PixelShuffle(stem)

    def forward(self, drawing: Tensor, other: Tensor) -> Tensor:
        for stage in self.pose:
            drawing = stage(drawing)
        for stage in self.look:
            other = stage(other)
        x = torch.cat([self.pose_head(drawing), self.look_head(other)], dim=1)
        for stage in self.up:
            x = double(stage(x))
        picture: Tensor = self.shuffle(self.last(x))
        return picture


class Discriminator(nn.Module):
    """D: three PatchGANs at scales 1, 1/2 and 1/4 -> three maps of scores, no sigmoid."""

    def __init__(self, width: int, downs: int = 3) -> None:
        super().__init__()
        self.scales = nn.ModuleList([self._patch(width, downs) for _ in range(3)])

    @staticmethod
    def _patch(width: int, downs: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        ins = 1
        for level in range(downs + 1):
            outs, stride = width * 2**level, 2 if level < downs else 1
            layers.append(nn.Conv2d(ins, outs, 4, stride, padding=1))
            layers += [nn.InstanceNorm2d(outs)] if level else []
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            ins = outs
        return nn.Sequential(*layers, nn.Conv2d(ins, 1, 4, 1, padding=1))

    def forward(self, drawing: Tensor) -> list[Tensor]:
        scores = []
        for level, patch in enumerate(self.scales):
            smaller = drawing
            if level:
                smaller = F.interpolate(
                    drawing, scale_factor=0.5**level, mode="bilinear", align_corners=False
                )
            scores.append(patch(smaller))
        return scores


def initialise(network: nn.Module) -> None:
    """Official start: weights N(0, 0.02), biases 0, batch-norm gains N(1, 0.02)."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)
