"""What a run's networks say about a sample of its footage: what a report shows and judges."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engines import load
from engines.engine import Engine
from engines.errors import KeycamError
from engines.geometry import Image, Points, Roi, crop, to_crop, to_frame
from engines.skeleton import Skeleton
from train import checkpoint, world
from train.config import Config
from train.parts import Parts
from train.pseudo import label
from train.videos import Clip, Footage

MOST_CLIPS = 12
LONG, SHORT = 96, 6  # frames in a row of the longest clip; frames spread over each other one


@dataclass(frozen=True, eq=False)
class Told:
    """F frames of one clip and what was found in them.

    Attributes:
        name: of the clip.
        images, rois: as the footage holds them.
        points_px: (F, K, 2) pixels of `images`.
        confidence: (F, K) of the model, or None where there is only a teacher.
        doubt: (F,) of the teacher, see `train.pseudo`; None where there is no teacher.
        in_a_row: whether the frames follow each other.
    """

    name: str
    images: list[Image]
    rois: list[Roi]
    points_px: Points
    confidence: NDArray[np.float32] | None
    doubt: NDArray[np.float32] | None
    in_a_row: bool

    def poses(self, zoom: float) -> Points:
        """(F, K, 2) in crop space, as the prior's poses are at that zoom."""
        crops = [Roi(roi.x, roi.y, roi.size * zoom, roi.angle) for roi in self.rois]
        return np.stack([to_crop(p, r) for p, r in zip(self.points_px, crops, strict=True)])


def sample(footage: Footage) -> list[tuple[Clip, bool]]:
    """A few frames of a few clips; of the longest clip, frames in a row."""
    order = sorted(range(len(footage.clips)), key=lambda n: -len(footage.clips[n].images))
    longest, rest = order[0], sorted(order[1:])
    others = [rest[n] for n in _evenly(len(rest), MOST_CLIPS - 1)]
    clip = footage.clips[longest]
    start = max(0, (len(clip.images) - LONG) // 2)
    chosen = [(_part(clip, list(range(start, min(start + LONG, len(clip.images))))), True)]
    for n in others:
        clip = footage.clips[n]
        chosen.append((_part(clip, _evenly(len(clip.images), SHORT)), False))
    return chosen


def ask(
    folder: Path, footage: Footage, skeleton: Skeleton, config: Config, device: torch.device
) -> list[Told]:
    """What the run's model, or where there is none yet its teacher, finds in a sample.

    Empty where the run has neither.
    """
    clips = sample(footage)
    teacher = load_teacher(folder, skeleton, config)
    model = folder / "model.onnx"
    if teacher is None and (world.rank() or not model.exists()):
        return []
    labels = None
    if teacher is not None:
        few = Footage(tuple(clip for clip, _ in clips))
        labels = label(teacher.to(device), few, skeleton, config, device)
    told = []
    for n, (clip, in_a_row) in enumerate(clips):
        points = None if labels is None else labels.points_px[n]
        doubt = None if labels is None else labels.doubt[n]
        confidence = None
        if model.exists() and not world.rank():
            with closing(load(model, "cpu")) as engine:
                points, confidence = _look(engine, clip)
        assert points is not None
        told.append(Told(clip.name, clip.images, clip.rois, points, confidence, doubt, in_a_row))
    return told


def load_teacher(folder: Path, skeleton: Skeleton, config: Config) -> nn.Module | None:
    """The run's best teacher, else that of its last joint checkpoint, if one can be read."""
    if not checkpoint.exists(folder / "joint"):
        return None
    with torch.random.fork_rng():
        parts = Parts(config, skeleton)
    try:
        checkpoint.load(folder / "joint", parts, {})
        if checkpoint.exists(folder / "best"):
            checkpoint.load(folder / "best", parts.teacher, {})
    except KeycamError:
        return None
    return parts.teacher.eval()


def _look(engine: Engine, clip: Clip) -> tuple[Points, NDArray[np.float32]]:
    """Look at each roi, then at the square round what was found, as the tracker does."""
    first = _run(engine, clip.images, clip.rois)[0]
    closer = [Roi.around(points, engine.card.margin) for points in first]
    return _run(engine, clip.images, closer)


def _run(
    engine: Engine, images: list[Image], rois: list[Roi]
) -> tuple[Points, NDArray[np.float32]]:
    points, confidence = [], []
    for image, roi in zip(images, rois, strict=True):
        found = engine.run(crop(image, roi, engine.card.size)[None])
        points.append(to_frame(found.keypoints[0], roi))
        confidence.append(found.confidence[0])
    return np.stack(points), np.stack(confidence)


def _part(clip: Clip, numbers: list[int]) -> Clip:
    return Clip(clip.name, [clip.images[n] for n in numbers], [clip.rois[n] for n in numbers])


def _evenly(count: int, most: int) -> list[int]:
    """At most `most` numbers spread evenly over 0 … count - 1."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})
