"""Adapting a tracker network to its user's own video, with no label, no prior and no teacher.

Three things hold it. What the network agrees with itself about, over six views of a frame, it
learns to say at once from any rough crop (`train.pseudo`, `train.distil`): these answers are the
first network's throughout, so it cannot follow its own drift. Keypoints must go with the picture
when it is turned, bent and mirrored. And the result is taken only if frames that were held out
say that it is better: see `train.criterion`, where the first network's answers take the place of
the prior, so that going from them counts against it.
"""

import copy
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from engines.card import Card
from engines.engine import load
from engines.errors import DataError
from engines.geometry import to_crop
from engines.skeleton import Skeleton
from train.adaptation import Adaptation
from train.batches import Batch, ahead, draw_batch, tensor
from train.config import Config
from train.criterion import Exam, measure_tracker
from train.distil import lesson_losses, rate_factor
from train.export import export_tracker
from train.fit import rng_of
from train.holdout import hold_out
from train.lessons import Lesson, draw_lesson, sure_frames
from train.losses import looked_up, mirror_back
from train.parts import set_rate, update
from train.prior import Prior
from train.pseudo import PseudoLabels, label
from train.restore import restore_tracker
from train.sighting import SightMode, sighted
from train.tracker_network import AsTeacher, TrackerNetwork, normalised
from train.videos import Footage

ADAPT = 22  # what the random numbers are for
HELD_OUT = 0.25  # share of the frames, the last of each video, that only the criterion sees
LEAST_FRAMES = 20
LEAST_GAIN = 0.02  # share by which the criterion must fall: less may be chance
MOST_STEPS = 100_000  # where only time ends the training
RATE = 3e-4
TRUST, EQUIVARIANCE = 0.1, 0.5  # weights; that of the place in a lesson is 1


def adapt(
    model: Path,
    videos: Sequence[Path],
    output: Path,
    *,
    minutes: float = 3.0,
    steps: int | None = None,
    roi: SightMode = "model",
    seed: int = 0,
    device: torch.device,
) -> Adaptation:
    """Go on training the tracker network inside `model` on the user's own videos.

    Args:
        output: written only if held-out frames say that the adapted network is better; whole or
            not at all. May be `model`.
        minutes: of training; reading, finding the subject and measuring come on top.
        steps: train so many steps instead, to the same result every time on a CPU.

    Raises:
        EngineError: `model` is no tracker network.
        DataError: a video cannot be read, or shows too little of the subject.
    """
    if not output.parent.is_dir() or output.is_dir():
        raise DataError(f"{output}: cannot be written (no such folder, or itself one)")
    network, card = restore_tracker(model)
    network.to(device)
    config = settings(card, seed)
    learnt, held = _parts(model, videos, roi, seed)
    exam = Exam.of(held, own_prior(network, held, card.skeleton, config, device), config)
    before = measure_tracker(network, exam, device)
    fresh = copy.deepcopy(network)
    limit = None if steps is not None else 60 * minutes
    done = teach(fresh, learnt, card.skeleton, config, device, steps=steps, limit_s=limit)
    after = measure_tracker(fresh, exam, device)
    better = after["total"] <= before["total"] * (1 - LEAST_GAIN)
    if better:
        export_tracker(fresh, adapted_card(card, done, len(learnt)), output)
    return Adaptation(
        model=output if better else None,
        before=before,
        after=after,
        steps=done,
        learnt=len(learnt),
        held_out=len(held),
    )


def _parts(
    model: Path, videos: Sequence[Path], roi: SightMode, seed: int
) -> tuple[Footage, Footage]:
    """What is learnt from and what is held out of the videos, the subject found by the model."""
    with closing(load(model, "cpu")) as engine:
        footage = sighted(videos, engine, roi)
    if len(footage) < LEAST_FRAMES:
        raise DataError(
            f"the model finds its subject in only {len(footage)} frames; it needs {LEAST_FRAMES} "
            "to adapt: film for longer, or say where to look (--roi frame or motion)"
        )
    learnt, held = hold_out(footage, HELD_OUT, seed)
    assert held is not None  # a quarter of LEAST_FRAMES can always be taken
    return learnt, held


def settings(card: Card, seed: int) -> Config:
    """Of crops, motions and lessons; those of the networks are not used."""
    return Config.of_preset("compact").with_changes(
        size=card.size,
        stem=1,
        tracker_size=card.size,
        zoom=1.0,
        batch=12,
        distil_batch=12,
        seed=seed,
    )


def own_prior(
    network: TrackerNetwork,
    footage: Footage,
    skeleton: Skeleton,
    config: Config,
    device: torch.device,
) -> Prior:
    """What the network's several views agree on in each frame, in the frame's square.

    Raises:
        DataError: they agree in no frame.
    """
    labels = label(AsTeacher(network), footage, skeleton, config, device)
    poses = [
        to_crop(points, roi)
        for clip, places, doubts in zip(footage.clips, labels.points_px, labels.doubt, strict=True)
        for roi, points, doubt in zip(clip.rois, places, doubts, strict=True)
        if np.isfinite(doubt)
    ]
    if not poses:
        raise DataError("the model contradicts itself in every frame; is its subject in the video?")
    return Prior(np.stack(poses), skeleton)


def teach(
    network: TrackerNetwork,
    footage: Footage,
    skeleton: Skeleton,
    config: Config,
    device: torch.device,
    *,
    steps: int | None,
    limit_s: float | None,
) -> int:
    """Train `network` in place, for `steps` or for `limit_s` seconds; returns the steps done."""
    labels = label(AsTeacher(network), footage, skeleton, config, device)
    draw = partial(_draw, footage, labels, sure_frames(labels), skeleton, config)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-4)
    began = monotonic()
    step = 0
    stop = MOST_STEPS if steps is None else steps
    lessons = ahead(draw, 0, stop)
    for lesson, batch in tqdm(lessons, "adapting", steps, unit="step", dynamic_ncols=True):
        done = step / stop if limit_s is None else (monotonic() - began) / limit_s
        if done >= 1:
            break
        set_rate(optimiser, RATE * rate_factor(done))
        update(optimiser, _loss(network, lesson, batch, skeleton, device), clip=5.0)
        step += 1
    return step


def _draw(
    footage: Footage,
    labels: PseudoLabels,
    sure: list[tuple[int, int]],
    skeleton: Skeleton,
    config: Config,
    step: int,
) -> tuple[Lesson, Batch]:
    lesson = draw_lesson(footage, labels, sure, skeleton, config, step)
    any_turn = skeleton.rotation == "any"
    rng = rng_of(config, ADAPT, step)
    return lesson, draw_batch(footage, config, rng, any_turn=any_turn)


def _loss(
    network: TrackerNetwork,
    lesson: Lesson,
    batch: Batch,
    skeleton: Skeleton,
    device: torch.device,
) -> Tensor:
    crops = normalised(torch.from_numpy(lesson.crops).to(device))
    pictures = [crops, *(tensor(own, device).flip(1) for own in (batch.frames, batch.moved))]
    keypoints, logits = network(torch.cat(pictures).contiguous(memory_format=torch.channels_last))
    taught, found, moved = keypoints.split([len(own) for own in pictures])
    wanted, size = (torch.from_numpy(own).to(device) for own in (lesson.keypoints, lesson.size))
    place, trust, _ = lesson_losses(taught, logits[: len(taught)], wanted, size)
    back = mirror_back(moved, torch.from_numpy(batch.mirrored).to(device), skeleton.flipped)
    expected = looked_up(torch.from_numpy(batch.origin).to(device), back)
    box = (found.amax(dim=1) - found.amin(dim=1)).amax(dim=1).detach().clamp(min=1e-3)
    gap = ((found - expected).norm(dim=-1).mean(dim=-1) / box).clamp(max=1).mean()
    return place + TRUST * trust + EQUIVARIANCE * gap


def adapted_card(card: Card, steps: int, frames: int) -> Card:
    """The card of the adapted model: errors measured of the old one are not those of this."""
    return replace(
        card,
        name=f"{card.name}, adapted",
        data=f"{card.data}; adapted to {frames} unlabelled frames of its user's video",
        method=f"{card.method}; adapted in {steps} steps (keycam adapt)",
        errors={},
    )
