"""What a re-posed picture is judged by."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.flow import identity
from train.losses import freeze
from train.perceptual import PerceptualLoss
from train.ssim import grey, ssim
from train.tracker_network import TrackerNetwork
from train.warping_decoder import Reposed, sampled

PIXELS, LIKENESS, FEATURES, KEYPOINTS, WARPED = 10.0, 2.0, 1.0, 10.0, 5.0
WOBBLE = 0.08  # of the tracker's crop: it must find the keypoints from anywhere near


class TrackerView(nn.Module):
    """The fixed tracker looking at pictures: keypoints and the features it finds them by."""

    def __init__(self, network: TrackerNetwork, margin: float, size: int) -> None:
        super().__init__()
        self.network = network
        self.margin, self.size = margin, size
        freeze(network)

    def squares(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        """Centres (B, 1, 2) and half sides (B, 1, 1), crop units, of the squares a tracker would
        look in, a little beside them."""
        low, high = keypoints.amin(1, keepdim=True), keypoints.amax(1, keepdim=True)
        half = self.margin / 2 * (high - low).amax(-1, keepdim=True).clamp(min=0.05)
        centre = (low + high) / 2 + half * WOBBLE * torch.randn_like(low)
        return centre, half * torch.exp(WOBBLE * torch.randn_like(half))

    def forward(
        self, pictures: Tensor, squares: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """(B, 3, S, S) RGB -> keypoints (B, K, 2) in the pictures' crop space, and features."""
        centre, half = squares
        places = identity(self.size, pictures) * half.unsqueeze(1) + centre.unsqueeze(1)
        seen = sampled(pictures, places).flip(1).contiguous(memory_format=torch.channels_last)
        network = self.network
        quarter = network.quarter(network.stem(seen))
        eighth = network.eighth(quarter)
        found, _ = network.read(network.sixteenth(eighth), eighth, quarter)
        return found * half + centre, [quarter, eighth]


def region(keypoints: Tensor, size: int) -> Tensor:
    """(B, 1, size, size): 1 on the subject and round it, falling to 0 beside it."""
    low, high = keypoints.amin(1, keepdim=True), keypoints.amax(1, keepdim=True)
    half = ((high - low) / 2).clamp(min=0.05).unsqueeze(1)
    away = ((identity(size, keypoints) - ((low + high) / 2).unsqueeze(1)) / half).norm(dim=-1)
    return torch.sigmoid((1.5 - away) / 0.1).unsqueeze(1)


def decoder_losses(
    made: Reposed,
    frames: Tensor,
    keypoints: Tensor,
    apart: Tensor,
    view: TrackerView,
    perceptual: PerceptualLoss,
) -> dict[str, Tensor]:
    """The terms by name, before their weights.

    Args:
        frames: (B, 3, S, S) in [-1, 1], RGB; keypoints (B, K, 2).
        apart: (B,) bool, pairs that are only compared on the subject: where the background went,
            nothing says.
    """
    counts = torch.where(
        apart.view(-1, 1, 1, 1), region(keypoints, frames.shape[-1]), torch.ones(())
    )
    picture = frames + counts * (made.picture - frames)
    warped = frames + counts * (made.warped - frames)
    squares = view.squares(keypoints)
    with torch.no_grad():
        _, wanted = view(frames, squares)
    found, features = view(picture, squares)
    size = (keypoints.amax(1) - keypoints.amin(1)).amax(-1).view(-1, 1)
    away = ((found - keypoints).square().sum(-1) + 1e-8).sqrt() / size
    return {
        "pixels": F.l1_loss(picture, frames),
        "perceptual": perceptual(picture, frames),
        "likeness": 1 - ssim(grey(picture), grey(frames), 2.0).mean(),
        "features": torch.stack(
            [(a - b).abs().mean() / b.abs().mean() for a, b in zip(features, wanted, strict=True)]
        ).mean(),
        "keypoints": away.mean(),
        "warped": F.l1_loss(warped, frames),
    }


def total(terms: dict[str, Tensor]) -> Tensor:
    """Their weighted sum."""
    return (
        PIXELS * terms["pixels"]
        + terms["perceptual"]
        + LIKENESS * terms["likeness"]
        + FEATURES * terms["features"]
        + KEYPOINTS * terms["keypoints"]
        + WARPED * terms["warped"]
    )
