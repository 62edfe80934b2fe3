"""Distillation: the tracker network learns what the teacher says, then what it says itself.

The first round's labels are the teacher's. A network of another kind, which sees more pixels and
rougher pictures, cannot copy all of the teacher's whims, so it comes out better than its teacher;
asked about the same frames from several sides it gives labels for another round (self-training,
as of Xie et al., "Self-training with Noisy Student", CVPR 2020).
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.geometry import Roi
from train import checkpoint, world
from train.ambiguity import settled
from train.calibration import laid
from train.config import Config
from train.fit import DISTIL, LOG_EVERY, SAVE_EVERY, ends_interval, resume_from, steps
from train.lessons import Lesson, draw_lesson, sure_frames
from train.metrics import Metrics
from train.parts import set_rate, update
from train.prior import Prior
from train.pseudo import PseudoLabels, label
from train.reshape import Reshaper
from train.shared_norm import share_norms
from train.tracker_network import AsTeacher, TrackerNetwork, normalised
from train.videos import Footage

NEAR = 0.1  # of the pose's size: an error of this much is trusted to exp(-1)
RATE_FLOOR = 0.01


def distil(
    teacher: nn.Module,
    footage: Footage,
    prior: Prior,
    config: Config,
    folder: Path,
    device: torch.device,
    labels: PseudoLabels | None = None,
) -> TrackerNetwork:
    """Train the tracker network in rounds: on the teacher's labels, then on its own.

    Where the keypoints are: the distance to the labels, in units of the pose. How far to trust
    them: the confidence learns exp(-distance / (NEAR x size)), 0 in crops without the subject.

    Args:
        labels: for all rounds, instead of asking.
    """
    student = _Student(prior, config, folder, device)
    if not config.distil_steps:
        return student.network.eval()
    for number in range(student.done // config.distil_steps, config.rounds):
        known = labels or student.labels(number, teacher, footage)
        student.learn(number, known, footage)
    return student.network.eval()


class _Student:
    """The tracker network in the making; `done` steps lie behind it."""

    def __init__(self, prior: Prior, config: Config, folder: Path, device: torch.device) -> None:
        torch.manual_seed(config.seed + DISTIL)
        count = len(prior.skeleton.keypoints)
        self.network = TrackerNetwork(count).to(device, memory_format=torch.channels_last)
        share_norms(self.network)
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), config.distil_rate, weight_decay=1e-4
        )
        self._metrics = Metrics(folder / "metrics.jsonl", "distil")
        self._prior, self._config = prior, config
        self._folder, self._device = folder, device
        self._reshaper = Reshaper.of(prior, config.reshape) if config.reshape else None
        self.done = resume_from(folder / "distil", self.network, self._named, self._metrics)

    @property
    def _named(self) -> dict[str, torch.optim.Optimizer]:
        return {"tracker": self._optimiser}

    def labels(self, number: int, teacher: nn.Module, footage: Footage) -> PseudoLabels:
        """The labels of round `number`, counted from 0; a round that is resumed has its own."""
        file = self._folder / "labels" / f"round-{number + 1}.npz"
        if self.done > number * self._config.distil_steps:
            kept = PseudoLabels.read(file, footage)
            if kept is not None:
                return kept
        if number == 0:
            found = self._ask(teacher, footage, self._config)
        else:
            before = PseudoLabels.read(file.with_name(f"round-{number}.npz"), footage)
            found = self._ask_itself(before, footage)
        found = laid(found, footage, self._prior, self._config.zoom)
        found = settled(found, footage, self._prior.skeleton)
        world.lead(lambda: found.write(file))
        return found

    def _ask(self, teacher: nn.Module, footage: Footage, config: Config) -> PseudoLabels:
        return label(teacher, footage, self._prior.skeleton, config, self._device)

    def _ask_itself(self, before: PseudoLabels | None, footage: Footage) -> PseudoLabels:
        """Look where the last labels are, as closely as a tracker does."""
        config = self._config
        if before is not None:
            footage = _looked_at(before, footage, config.tracker_margin)
            config = replace(config, zoom=1.0)
        return self._ask(
            AsTeacher(self.network), footage, replace(config, size=config.tracker_size)
        )

    def learn(self, number: int, labels: PseudoLabels, footage: Footage) -> None:
        """One round: the rate rises and falls once."""
        config, network = self._config, self.network
        first = number * config.distil_steps
        last = first + config.distil_steps
        draw = partial(
            draw_lesson,
            footage,
            labels,
            sure_frames(labels),
            self._prior.skeleton,
            config,
            reshaper=self._reshaper,
        )
        network.train()
        for step, lesson in steps("tracker", draw, max(first, self.done), last):
            factor = rate_factor((step - first) / config.distil_steps)
            set_rate(self._optimiser, config.distil_rate * factor)
            self._metrics.add(self._update(lesson))
            if ends_interval(step, LOG_EVERY, last):
                self._metrics.write(step + 1)
            if ends_interval(step, SAVE_EVERY, last):
                progress = {"step": step + 1}
                checkpoint.save(self._folder / "distil", network, self._named, progress)

    def _update(self, lesson: Lesson) -> dict[str, Tensor]:
        crops = normalised(torch.from_numpy(lesson.crops).to(self._device))
        found, logits = self.network(crops.contiguous(memory_format=torch.channels_last))
        wanted = torch.from_numpy(lesson.keypoints).to(self._device)
        size = torch.from_numpy(lesson.size).to(self._device)
        place, trust, error = lesson_losses(found, logits, wanted, size)
        update(self._optimiser, place + 0.1 * trust, clip=5.0)
        return {"place": place, "trust": trust, "error": error}


def _looked_at(labels: PseudoLabels, footage: Footage, margin: float) -> Footage:
    """The footage with a tracker's squares round the labels, where these make sense."""
    clips = []
    for clip, points, doubt in zip(footage.clips, labels.points_px, labels.doubt, strict=True):
        rois = [
            Roi.around(place, margin) if np.isfinite(wavering) else roi
            for place, wavering, roi in zip(points, doubt, clip.rois, strict=True)
        ]
        clips.append(replace(clip, rois=rois))
    return Footage(tuple(clips))


def lesson_losses(
    found: Tensor, logits: Tensor, wanted: Tensor, size: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Place loss, confidence loss, and mean error in units of the pose."""
    there = (size > 0).float()[:, None]  # (B, 1)
    unit = size.clamp(min=1e-3)[:, None]
    inside = (wanted.abs().amax(dim=-1) < 1).float() * there  # (B, K)
    distance = (found - wanted).norm(dim=-1) / unit
    share = inside / world.total(inside.sum()).clamp(min=1)
    place = (distance * share).sum() * world.size()  # so that its mean over ranks is the whole's
    target = torch.exp(-distance.detach() / NEAR) * inside
    trust = F.binary_cross_entropy_with_logits(logits, target)
    return place, trust, place.detach()


def rate_factor(done: float) -> float:
    """A short rise, then a cosine down to almost nothing."""
    rise = min(1.0, (done + 1e-4) / 0.03)
    cosine = float(np.cos(np.pi * done))  # a plain float: checkpoints hold no numpy scalars
    return rise * (RATE_FLOOR + (1 - RATE_FLOOR) * (1 + cosine) / 2)
