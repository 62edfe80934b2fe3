"""The tracker network: small enough to run on one CPU core at camera rate."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.softargmax import expected_place


def pointwise(ins: int, outs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(ins, outs, 1, bias=False), nn.BatchNorm2d(outs))


def depthwise(width: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False), nn.BatchNorm2d(width)
    )


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow again (MobileNetV2, Sandler et al., CVPR 2018)."""

    def __init__(self, ins: int, outs: int, stride: int, widen: int) -> None:
        super().__init__()
        inner = ins * widen
        self.skip = stride == 1 and ins == outs
        self.layers = nn.Sequential(
            pointwise(ins, inner),
            nn.ReLU6(inplace=True),
            depthwise(inner, stride),
            nn.ReLU6(inplace=True),
            pointwise(inner, outs),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.skip else y


class Join(nn.Module):
    """One step up of the decoder: coarse features doubled, fine ones added, both filtered."""

    def __init__(self, coarse: int, fine: int, outs: int) -> None:
        super().__init__()
        self.coarse = pointwise(coarse, outs)
        self.fine = pointwise(fine, outs)
        self.filter = nn.Sequential(depthwise(outs), pointwise(outs, outs), nn.ReLU6(inplace=True))

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        up = F.interpolate(self.coarse(coarse), scale_factor=2.0, mode="nearest")
        y: Tensor = self.filter(F.relu6(up + self.fine(fine)))
        return y


class TrackerNetwork(nn.Module):
    """Crop -> marginal heatmaps at a quarter of its size -> soft-argmax; and a confidence each.

    Takes (B, 3, S, S) in [-1, 1], channels in the camera's order BGR. The soft-argmax only ever
    sees the heatmaps' means over rows and over columns, and those commute with a 1x1 convolution:
    so the features are averaged first and the heatmaps' margins made from them, at a thirtieth
    of the cost, and each axis may have weights of its own. The confidence is the probability that
    the keypoint lies near where it is said to: see `train.distil`.
    """

    def __init__(self, points: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6(inplace=True)
        )
        self.quarter = _stage(16, 24, widen=3, count=1)  # (B, 24, S/4, S/4)
        self.eighth = _stage(24, 40, widen=4, count=2)
        self.sixteenth = _stage(40, 96, widen=4, count=4)
        self.up_eighth = Join(96, 40, 48)
        self.up_quarter = Join(48, 24, 48)
        self.across = nn.Linear(48, points)
        self.down = nn.Linear(48, points)
        self.trust = nn.Sequential(nn.Linear(96, 64), nn.ReLU(inplace=True), nn.Linear(64, points))

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (B, K, 2) in crop space and the logits (B, K) of their confidence."""
        quarter = self.quarter(self.stem(crop))
        eighth = self.eighth(quarter)
        return self.read(self.sixteenth(eighth), eighth, quarter)

    def read(self, deep: Tensor, eighth: Tensor, quarter: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` gives, from the features at a sixteenth, an eighth and a quarter."""
        fine = self.up_quarter(self.up_eighth(deep, eighth), quarter)  # (B, 48, S/4, S/4)
        across = self.across(fine.mean(dim=2).transpose(1, 2))  # (B, S/4, K)
        down = self.down(fine.mean(dim=3).transpose(1, 2))
        keypoints = expected_place(across.transpose(1, 2), down.transpose(1, 2))
        return keypoints, self.trust(deep.mean(dim=(2, 3)))


def _stage(ins: int, outs: int, *, widen: int, count: int) -> nn.Sequential:
    first = InvertedResidual(ins, outs, 2, widen)
    rest = [InvertedResidual(outs, outs, 1, widen) for _ in range(count - 1)]
    return nn.Sequential(first, *rest)


class TrackerGraph(nn.Module):
    """The tracker network as a model file runs it: uint8 in, confidence in [0, 1] out."""

    def __init__(self, network: TrackerNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        """crop (N, S, S, 3) uint8 BGR -> keypoints (N, K, 2), confidence (N, K)."""
        keypoints, logits = self.network(normalised(crop))
        return keypoints, torch.sigmoid(logits)


def normalised(crop: Tensor) -> Tensor:
    """(N, S, S, 3) uint8 -> (N, 3, S, S) in [-1, 1]; cast first, as TensorRT asks."""
    return crop.float().permute(0, 3, 1, 2) / 127.5 - 1


class AsTeacher(nn.Module):
    """A tracker network asked like a teacher: pictures (B, 3, S, S) in [-1, 1], RGB -> keypoints
    (B, K, 2)."""

    def __init__(self, network: TrackerNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Tensor:
        keypoints: Tensor = self.network(picture.flip(1))[0]
        return keypoints
