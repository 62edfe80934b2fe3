"""The training loop: regressor pre-trained on drawn priors, then all five parts together."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from tqdm import tqdm

from train import checkpoint, world
from train.batches import Batch, ahead, draw_batch, makers, tensor
from train.choice import Choice
from train.config import Config
from train.losses import (
    discriminator_loss,
    equivariance_loss,
    freeze,
    generator_loss,
    looked_up,
    mirror_back,
)
from train.metrics import Metrics
from train.parts import Optimisers, Parts, set_rate, update
from train.prior import Prior
from train.sheet import write_sheet
from train.videos import Footage

T = TypeVar("T")
PRETRAIN, JOINT, DISTIL, POOL = 1, 2, 3, 12  # what a step's random numbers are for
SAVE_EVERY = 500
LOG_EVERY = 50
SHEET_EVERY = 500


def rng_of(config: Config, purpose: int, step: int) -> np.random.Generator:
    """Random numbers of one step: a function of seed and step alone, so resuming needs no state."""
    return np.random.default_rng((config.seed, purpose, step))


def draw_poses(prior: Prior, config: Config, rng: np.random.Generator, count: int) -> Tensor:
    """`count` poses of the prior under the similarities that the pictures are cut with."""
    poses = prior.sample(
        rng,
        count,
        turn=config.turn,
        scale=config.scale,
        shift=config.shift,
        mirror=config.mirror,
    )
    return torch.from_numpy(poses)


def pretrain(
    parts: Parts, prior: Prior, config: Config, folder: Path, device: torch.device
) -> None:
    """Teach the regressor to read drawings of prior poses (section 2.4 of the official README)."""
    optimiser = torch.optim.Adam(parts.regressor.parameters(), config.pretrain_rate, (0.5, 0.999))
    named = {"regressor": optimiser}
    metrics = Metrics(folder / "metrics.jsonl", "pretrain")
    start = resume_from(folder / "pretrain", parts, named, metrics)

    def poses(step: int) -> Tensor:
        drawn = draw_poses(prior, config, rng_of(config, PRETRAIN, step), 2 * config.batch)
        return drawn[world.part(len(drawn))]

    for step, wanted in steps("regressor", poses, start, config.pretrain_steps):
        if config.decay:
            set_rate(optimiser, config.pretrain_rate * (1 - step / config.pretrain_steps))
        wanted = wanted.to(device)
        with torch.no_grad():
            drawing = parts.renderer(wanted)
        found = parts.regressor(drawing)
        loss = mse_loss(found, wanted)
        update(optimiser, loss, config.clip)
        metrics.add({"loss": loss, "error": (found - wanted).norm(dim=-1).mean()})
        if ends_interval(step, LOG_EVERY, config.pretrain_steps):
            metrics.write(step + 1)
        if ends_interval(step, SAVE_EVERY, config.pretrain_steps):
            checkpoint.save(folder / "pretrain", parts, named, {"step": step + 1})


def fit(
    parts: Parts,
    footage: Footage,
    prior: Prior,
    config: Config,
    folder: Path,
    device: torch.device,
) -> None:
    """Train all five parts: (a) encoder and decoder, (b) discriminator, (c) regressor, in turn
    (official code, keypoint_gan_model.py:359-409; its step (c) re-used a stale graph, here the
    regressor is run again). In the end `parts.teacher` is the best by the frames held out."""
    skeleton = prior.skeleton
    optimisers = Optimisers(parts, config)
    metrics = Metrics(folder / "metrics.jsonl", "joint")
    choice = Choice(footage, prior, config, folder, device)
    start = resume_from(folder / "joint", parts, optimisers.named, metrics)
    choice.resume(start, parts)
    draw = partial(_sample, choice.footage, prior, config)
    parts.train()
    stop = start if choice.ended else config.steps
    for step, (batch, poses) in steps("keypoints", draw, start, stop):
        optimisers.set_rates(step / config.steps)
        rng = rng_of(config, POOL, step)
        frames = tensor(batch.frames, device)
        others = tensor(batch.others, device)
        count = len(frames)

        # (a) encoder Φ and decoder Ψ; regressor and discriminator only pass gradients on
        freeze(parts.regressor)
        freeze(parts.discriminator)
        pictures = torch.cat([frames, tensor(batch.moved, device)]) if batch.has_moved else frames
        skeletons = parts.encoder(pictures)  # (B or 2B, 1, s, s)
        keypoints = parts.regressor(skeletons)  # (B or 2B, K, 2)
        redrawn = parts.renderer(keypoints[:count])
        adversarial = generator_loss(parts.discriminator(skeletons))
        loss = config.adversarial_weight * adversarial
        values = {"adversarial": adversarial}
        if step >= config.reconstruct_from * config.steps:
            seen = redrawn if config.bottleneck else skeletons[:count]
            rebuilt = parts.decoder(seen, others)
            perceptual = parts.perceptual(rebuilt, frames)
            loss = loss + config.reconstruction_weight * perceptual
            values |= {"perceptual": perceptual, "pixels": mse_loss(rebuilt, frames)}
        else:
            rebuilt = torch.zeros_like(frames)
        if batch.has_moved:
            origin = torch.from_numpy(batch.origin).to(device)
            mirrored = torch.from_numpy(batch.mirrored).to(device)
            back = mirror_back(keypoints[count:], mirrored, skeleton.flipped)
            equivariance = equivariance_loss(keypoints[:count], looked_up(origin, back))
            loss = loss + config.equivariance_weight * equivariance
            values["equivariance"] = equivariance
        update(optimisers.pose, loss, config.clip)
        freeze(parts.regressor, frozen=False)
        freeze(parts.discriminator, frozen=False)

        # (b) discriminator D: drawn priors against skeleton images, some of them old
        poses = poses.to(device)
        with torch.no_grad():
            drawn = parts.renderer(poses)
        pooled = parts.pool.query(skeletons, rng, blocks=1 + batch.has_moved)
        critic = discriminator_loss(parts.discriminator(drawn), parts.discriminator(pooled))
        update(optimisers.critic, critic, config.clip)

        # (c) regressor η: drawn priors, and skeleton images that its own redrawing must match
        if step % config.regressor_every == 0:
            fixed = skeletons[:count].detach()
            on_prior = mse_loss(parts.regressor(drawn), poses)
            on_redraw = mse_loss(parts.renderer(parts.regressor(fixed)), fixed)
            regression = config.prior_weight * on_prior + config.redraw_weight * on_redraw
            update(optimisers.regressor, regression, config.clip)
            values |= {"prior": on_prior, "redraw": on_redraw}

        parts.follow(step, config.average)
        metrics.add({**values, "critic": critic})
        if ends_interval(step, LOG_EVERY, config.steps):
            metrics.write(step + 1)
        if ends_interval(step, SHEET_EVERY, config.steps):
            rows = {
                "frame": frames,
                "skeleton": skeletons[:count],
                "redrawn": redrawn,
                "rebuilt": rebuilt,
                "other": others,
            }
            path = folder / "sheets" / f"joint-{step + 1:06d}.png"
            write_sheet(path, rows, keypoints[:count], skeleton)
        if ends_interval(step, SAVE_EVERY, config.steps):
            choice.judge(step + 1, parts)
            checkpoint.save(folder / "joint", parts, optimisers.named, {"step": step + 1})
            choice.keep(parts)
            if choice.ended:
                break
    choice.take_best(parts)


def _sample(footage: Footage, prior: Prior, config: Config, step: int) -> tuple[Batch, Tensor]:
    rng = rng_of(config, JOINT, step)
    any_turn = prior.skeleton.rotation == "any"
    part = world.part(config.batch)
    batch = draw_batch(footage, config, rng, any_turn=any_turn, part=part)
    poses = draw_poses(prior, config, rng, config.batch * (1 + batch.has_moved))
    return batch, poses[world.part(len(poses))]


def steps(what: str, make: Callable[[int], T], start: int, stop: int) -> Iterator[tuple[int, T]]:
    """(step, make(step)) from `start` to `stop`, made ahead, behind a progress bar."""
    samples = ahead(make, start, stop, threads=makers())
    quiet = world.rank() > 0
    with tqdm(
        total=stop, initial=start, desc=what, unit="step", dynamic_ncols=True, disable=quiet
    ) as bar:
        for step, sample in enumerate(samples, start):
            yield step, sample
            bar.update()


def ends_interval(step: int, every: int, total: int) -> bool:
    return (step + 1) % every == 0 or step + 1 == total


def resume_from(
    folder: Path, module: nn.Module, optimisers: dict[str, torch.optim.Optimizer], metrics: Metrics
) -> int:
    """The step to go on from: that of the checkpoint, or 0 where there is none."""
    step = 0
    if checkpoint.exists(folder):
        step = int(checkpoint.load(folder, module, optimisers)["step"])
    metrics.rewind(step)
    return step
