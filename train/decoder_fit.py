"""The training of a decoder: the tracker is fixed, its keypoints say where everything goes."""

import copy
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from engines.skeleton import Skeleton
from train import checkpoint
from train.batches import tensor
from train.decoder_config import DecoderConfig
from train.decoder_losses import TrackerView, decoder_losses, total
from train.distil import rate_factor
from train.fit import LOG_EVERY, SAVE_EVERY, SHEET_EVERY, ends_interval, resume_from, steps
from train.losses import freeze
from train.metrics import Metrics
from train.parts import set_rate, update
from train.perceptual import perceptual_loss
from train.posed import PosedFootage
from train.posed_batches import draw_pairs
from train.sheet import write_sheet
from train.warping_decoder import Reposed, WarpingDecoder

STAGE = "decoder"


class Studio(nn.Module):
    """The decoder, the running mean of its weights, and the perceptual loss's own state."""

    def __init__(self, points: int, width: int) -> None:
        super().__init__()
        self.decoder = WarpingDecoder(points, width)
        self.average = copy.deepcopy(self.decoder).eval()
        self.perceptual = perceptual_loss("auto")
        freeze(self.average)
        self.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def follow(self, step: int, decay: float) -> None:
        """Let the average follow the decoder, fast at first."""
        keep = min(decay, (step + 1) / (step + 10))
        source = self.decoder.state_dict()
        for name, value in self.average.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(source[name], 1 - keep)
            else:
                value.copy_(source[name])


def fit_decoder(
    footage: PosedFootage,
    skeleton: Skeleton,
    view: TrackerView,
    config: DecoderConfig,
    folder: Path,
    device: torch.device,
    begin: Path | None = None,
) -> WarpingDecoder:
    """Train a decoder, or go on with the one in `folder`; returns the mean of its weights.

    Args:
        begin: another run's folder, with whose weights to begin.
    """
    torch.manual_seed(config.seed)
    studio = Studio(len(skeleton.keypoints), config.width).to(device)
    if begin is not None:
        checkpoint.load(begin / STAGE, studio, {})
        studio.decoder.load_state_dict(studio.average.state_dict())
    view = view.to(device).eval()
    optimiser = torch.optim.Adam(studio.decoder.parameters(), config.rate, betas=(0.5, 0.999))
    named: dict[str, torch.optim.Optimizer] = {"decoder": optimiser}
    metrics = Metrics(folder / "metrics.jsonl", STAGE)
    start = resume_from(folder / STAGE, studio, named, metrics)
    studio.decoder.train()
    draw = partial(draw_pairs, footage, skeleton, config)
    for step, batch in steps(STAGE, draw, start, config.steps):
        torch.manual_seed((config.seed << 32) + step)  # of the tracker's random views
        set_rate(optimiser, config.rate * rate_factor(step / config.steps))
        references, frames = tensor(batch.references, device), tensor(batch.frames, device)
        poses = torch.from_numpy(batch.poses).to(device)
        keypoints = torch.from_numpy(batch.keypoints).to(device)
        apart = torch.from_numpy(batch.apart).to(device)
        made = studio.decoder(references, poses, keypoints)
        terms = decoder_losses(made, frames, keypoints, apart, view, studio.perceptual)
        update(optimiser, total(terms), config.clip)
        studio.follow(step, config.average)
        metrics.add(terms)
        if ends_interval(step, LOG_EVERY, config.steps):
            metrics.write(step + 1)
        if ends_interval(step, SHEET_EVERY, config.steps):
            path = folder / "sheets" / f"decoder-{step + 1:06d}.png"
            with torch.no_grad():
                shown = studio.average(references, poses, keypoints)
            _write_sheet(path, references, frames, shown, keypoints, skeleton)
        if ends_interval(step, SAVE_EVERY, config.steps):
            checkpoint.save(folder / STAGE, studio, named, {"step": step + 1})
    return studio.average


def _write_sheet(
    path: Path,
    references: Tensor,
    frames: Tensor,
    made: Reposed,
    keypoints: Tensor,
    skeleton: Skeleton,
) -> None:
    rows = {
        "frame": frames,
        "reference": references,
        "warped": made.warped,
        "kept": 2 * made.kept - 1,
        "re-posed": made.picture,
    }
    write_sheet(path, rows, keypoints, skeleton)
