"""How long a training will take: a few real steps of each stage, timed before the main work."""

import io
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engines.geometry import to_frame
from train.config import Config
from train.distil import distil
from train.fit import fit, pretrain
from train.parts import Parts
from train.prior import Prior
from train.pseudo import PseudoLabels, label
from train.videos import Clip, Footage

SECONDS = 3.0  # about what timing one kind of step may take
FIRST, MOST = 2, 16  # steps of the short and at most of the long run
WORTH = 200  # steps in all
LABELLED = 6  # frames that pseudo-labels are timed on


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Seconds each stage will take from where the run stands."""

    pretrain_s: float
    joint_s: float
    distil_s: float

    @property
    def total_s(self) -> float:
        return self.pretrain_s + self.joint_s + self.distil_s

    def to_text(self) -> str:
        return (
            f"this will take about {duration(self.total_s)}: pre-training "
            f"{duration(self.pretrain_s)}, keypoints {duration(self.joint_s)}, distillation "
            f"{duration(self.distil_s)}"
        )


def duration(seconds: float) -> str:
    """A time as people say it: seconds, minutes, or hours and minutes."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"
    return f"{seconds / 86400:.1f} days"


def rehearse(
    footage: Footage,
    prior: Prior,
    config: Config,
    device: torch.device,
    done: tuple[int, int, int] = (0, 0, 0),
) -> Estimate:
    """Time the stages on networks of their own, in a folder of their own.

    The difference of a short and a longer run is what a step costs; what a stage costs once
    cancels. Torch's random numbers are left as they were.

    Args:
        done: steps that pre-training, joint training and distillation have behind them.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        torch.random.fork_rng(),
        redirect_stderr(io.StringIO()),  # their progress bars
    ):
        stage = _Stages(footage, prior, config, device, Path(folder))
        distil_steps = config.rounds * config.distil_steps
        wanted = (config.pretrain_steps, config.steps, distil_steps)
        left = [max(all_ - behind, 0) for all_, behind in zip(wanted, done, strict=True)]
        join_in = min(max(config.reconstruct_from * config.steps, done[1]), config.steps)
        without, rest = join_in - done[1] if left[1] else 0.0, config.steps - join_in
        return Estimate(
            pretrain_s=_times(left[0], stage.pretrain),
            joint_s=_times(without, stage.joint_before) + _times(rest, stage.joint_after),
            distil_s=_times(left[2], stage.distil)
            + (config.rounds * stage.labels_s() if left[2] else 0.0),
        )


def worth_it(config: Config) -> bool:
    """Whether the training is long enough for a rehearsal to be short beside it."""
    return config.pretrain_steps + config.steps + config.rounds * config.distil_steps >= WORTH


def _times(steps: float, run: Callable[[int], None]) -> float:
    """Seconds that `steps` steps take, by running a few."""
    if steps <= 0:
        return 0.0
    first = _timed(run, 1)  # with what only the first run costs: caches, kernels chosen
    if first > SECONDS:
        return steps * first
    short = _timed(run, FIRST)
    if short > SECONDS:
        return steps * short / FIRST
    more = int(np.clip(SECONDS / (short / FIRST), 2, MOST))
    return steps * max(_timed(run, FIRST + more) - short, 0.0) / more


def _timed(run: Callable[[int], None], steps: int) -> float:
    begun = time.perf_counter()
    run(steps)
    return time.perf_counter() - begun


class _Stages:
    """Each stage for so many steps."""

    def __init__(
        self, footage: Footage, prior: Prior, config: Config, device: torch.device, folder: Path
    ) -> None:
        self.footage, self.prior, self.config = footage, prior, config
        self.device, self.folder = device, folder
        self.parts = Parts(config, prior.skeleton).to(device)
        self._runs = 0

    def pretrain(self, steps: int) -> None:
        config = self.config.with_changes(pretrain_steps=steps)
        pretrain(self.parts, self.prior, config, self._fresh(), self.device)

    def joint_before(self, steps: int) -> None:
        self._joint(steps, reconstruct_from=1.0)

    def joint_after(self, steps: int) -> None:
        self._joint(steps, reconstruct_from=0.0)

    def _joint(self, steps: int, reconstruct_from: float) -> None:
        config = self.config.with_changes(
            steps=steps, reconstruct_from=reconstruct_from, held_out=0.0
        )
        fit(self.parts, self.footage, self.prior, config, self._fresh(), self.device)

    def distil(self, steps: int) -> None:
        """On poses of the prior, since a teacher that has learnt nothing gives no labels."""
        config = self.config.with_changes(distil_steps=steps, rounds=1)
        labels = _made_up(self.footage, self.prior, config)
        teacher = self.parts.teacher
        distil(teacher, self.footage, self.prior, config, self._fresh(), self.device, labels)

    def labels_s(self) -> float:
        """Seconds that pseudo-labels of all frames will take."""
        clip = self.footage.clips[0]
        count = min(LABELLED, len(clip.images))
        few = Footage((Clip(clip.name, list(clip.images[:count]), list(clip.rois[:count])),))
        teacher, skeleton = self.parts.teacher, self.prior.skeleton
        label(teacher, few, skeleton, self.config, self.device)
        begun = time.perf_counter()
        label(teacher, few, skeleton, self.config, self.device)
        return (time.perf_counter() - begun) * len(self.footage) / count

    def _fresh(self) -> Path:
        self._runs += 1
        folder = self.folder / str(self._runs)
        folder.mkdir()
        return folder


def _made_up(footage: Footage, prior: Prior, config: Config) -> PseudoLabels:
    """A pose of the prior for every frame, without doubt."""
    pose = prior.poses[0]
    points = [
        np.stack([to_frame(pose * config.zoom, roi) for roi in clip.rois]) for clip in footage.clips
    ]
    return PseudoLabels(points, [np.zeros(len(clip.images), np.float32) for clip in footage.clips])
