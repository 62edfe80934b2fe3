"""The decoder for re-posing: the reference picture is warped, then redrawn where that fails.

Where KeypointGAN's decoder Ψ must invent every pixel, this one is given the motion: the reference's
own keypoints say where each part of it goes. It is trained with the tracker fixed.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.flow import bumps, identity, smooth_shift
from train.networks import double, unit

LARGEST_CORRECTION = 0.25  # of the flow by the network, crop units
COARSE, FINE = 0.12, 0.05  # reach of the bumps that the networks see


class Reposed(NamedTuple):
    """What the decoder made: pictures (B, 3, S, S) in about [-1, 1].

    Attributes:
        picture: the result.
        warped: the reference warped by the flow, before anything is redrawn.
        kept: (B, 1, S, S), the share of the result that is the warped reference.
    """

    picture: Tensor
    warped: Tensor
    kept: Tensor


class WarpingDecoder(nn.Module):
    """Reference, its pose and keypoints -> the reference in the pose of the keypoints.

    A U-Net looks at the warped reference and at where the keypoints are, and says for each pixel
    what to draw and whether to.
    """

    def __init__(self, points: int, width: int = 32) -> None:
        super().__init__()
        self.motion = MotionNetwork(points, width)
        self.marks = nn.Conv2d(points, width // 2, 1)
        self.stem = unit(6, width, "batch", 3, 2)
        self.down_half = unit(width + width // 2, width, "batch")
        self.down_quarter = nn.Sequential(
            unit(width, 2 * width, "batch", 3, 2), unit(2 * width, 2 * width, "batch")
        )
        self.down_eighth = nn.Sequential(
            unit(3 * width, 3 * width, "batch", 3, 2), Residual(3 * width), Residual(3 * width)
        )
        self.to_quarter = nn.Conv2d(3 * width, 2 * width, 1)
        self.at_quarter = unit(2 * width, 2 * width, "batch")
        self.to_half = nn.Conv2d(2 * width, width, 1)
        self.at_half = unit(width, width, "batch")
        self.last = nn.Conv2d(width, 4 * 4, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.last.bias.data[12:] = 2.0  # at first nearly all is kept

    def forward(self, reference: Tensor, pose: Tensor, keypoints: Tensor) -> Reposed:
        """Reference (B, 3, S, S) in [-1, 1]; pose and keypoints (B, K, 2) in crop space."""
        size = reference.shape[-1]
        shift, seen = self.motion(reference, pose, keypoints)
        flow = identity(size, pose) + quadruple(shift).permute(0, 2, 3, 1)
        warped = sampled(reference, flow)
        marks = self.marks(bumps(keypoints, size // 2, FINE))
        x = self.stem(torch.cat([warped, reference], dim=1))
        half = self.down_half(torch.cat([x, marks], dim=1))
        quarter = self.down_quarter(half)
        x = self.down_eighth(torch.cat([quarter, seen], dim=1))
        x = self.at_quarter(double(self.to_quarter(x)) + quarter)
        x = self.at_half(double(self.to_half(x)) + half)
        drawn = self.shuffle(self.last(x))
        kept = torch.sigmoid(drawn[:, 3:])
        return Reposed(kept * warped + (1 - kept) * drawn[:, :3], warped, kept)


class MotionNetwork(nn.Module):
    """Which part moves with the keypoints and which stays, and a correction of the flow."""

    def __init__(self, points: int, width: int) -> None:
        super().__init__()
        self.marks = nn.Conv2d(points, width // 2, 1)
        self.full = unit(width + 8, width, "batch")
        self.down = nn.Sequential(
            unit(width, 2 * width, "batch", 3, 2), unit(2 * width, 2 * width, "batch")
        )
        self.up = nn.Conv2d(2 * width, width, 1)
        self.joined = unit(width, width, "batch")
        self.last = nn.Conv2d(width, 3, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, reference: Tensor, pose: Tensor, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        """The shift (B, 2, S/4, S/4) in crop units from each place to what it shows, and features
        (B, width, S/4, S/4)."""
        side = reference.shape[-1] // 4
        moved = smooth_shift(pose, keypoints, side)
        thumb = F.avg_pool2d(reference, 4)
        shown = sampled(thumb, identity(side, pose) + moved.permute(0, 2, 3, 1))
        marks = [self.marks(bumps(points, side, COARSE)) for points in (keypoints, pose)]
        x = self.full(torch.cat([*marks, shown, thumb, moved], dim=1))
        x = self.joined(x + double(self.up(self.down(x))))
        logit, correction = self.last(x).split([1, 2], dim=1)
        follows = (torch.tanh((logit + 1) / 2) + 1) / 2  # the sigmoid, which would end fp16
        return follows * moved + LARGEST_CORRECTION * torch.tanh(correction), x


class Residual(nn.Module):
    """x plus two convolutions of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            unit(width, width, "batch"),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.layers(x))


def sampled(picture: Tensor, flow: Tensor) -> Tensor:
    """(B, C, S, S) at the places (B, h, w, 2); beside the picture its border goes on."""
    return F.grid_sample(picture, flow, mode="bilinear", padding_mode="border", align_corners=False)


def quadruple(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)
