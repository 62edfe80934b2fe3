"""What is suspicious about what a run has learnt; none of it needs a label."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engines.lookalikes import lookalikes
from engines.skeleton import Skeleton
from train.config import Config
from train.evidence import Told
from train.finding import Finding, named
from train.lessons import MOST_DOUBT
from train.prior import Prior
from train.prior_check import spread

FEW = 8  # poses: fewer say nothing about how much they vary
STIFF = 0.3  # of the prior's movement of a keypoint: less, and it is not seen but supposed
UNSURE = 0.35  # mean confidence
WAVERING = 0.3  # share of a clip's frames in doubt
FLIPPING = 0.03  # share of steps between frames that another reading explains better
NEARER = 0.6  # how much nearer that reading must be
PLACED = 0.02  # crop units: where all poses lie in one place


def diagnose(told: Sequence[Told], prior: Prior | None, config: Config) -> list[Finding]:
    """Faults that can be seen in the answers themselves."""
    if not told:
        return []
    poses = np.concatenate([own.poses(config.zoom) for own in told])
    findings = []
    if prior is not None and len(poses) >= FEW:
        findings += _stiffness(poses, prior)
    findings += _place(poses) + _confidence(told, prior) + _doubt(told)
    if prior is not None:
        findings += _readings(told, prior.skeleton)
    return findings


def _stiffness(poses: NDArray[np.float32], prior: Prior) -> list[Finding]:
    names = prior.skeleton.keypoints
    if len(names) < 3:
        return []
    own, given = spread(poses), spread(prior.poses)
    if np.sqrt((own**2).mean()) < STIFF * np.sqrt((given**2).mean()):
        return [
            Finding(
                what="all keypoints move together: hardly more than the average pose is found, "
                f"moved and turned ({np.sqrt((own**2).mean() / (given**2).mean()):.0%} of the "
                "prior's variety)",
                remedy="train for longer (--set steps=…), with more footage, or with a prior whose "
                "poses are those of the videos",
            )
        ]
    stiff = [name for name, a, b in zip(names, own, given, strict=True) if a < STIFF * b]
    if not stiff:
        return []
    return [
        Finding(
            where=named(stiff),
            what="hardly moves against the other keypoints, though it does in the prior: it is "
            "supposed rather than seen",
            remedy="look at it in the pictures; train for longer, or at a higher resolution "
            "(--set size=128)",
        )
    ]


def _place(poses: NDArray[np.float32]) -> list[Finding]:
    centres = poses.mean(axis=1)
    sizes = np.ptp(poses, axis=1).max(axis=1)
    still = centres.std(axis=0).max() < PLACED and sizes.std() < PLACED
    if len(poses) < FEW or not still:
        return []
    return [
        Finding(
            what="every pose lies at the same place and size, whatever the frame shows",
            remedy="check the pictures below; if the subject does move, train for longer",
        )
    ]


def _confidence(told: Sequence[Told], prior: Prior | None) -> list[Finding]:
    known = [own.confidence for own in told if own.confidence is not None]
    if not known or prior is None:
        return []
    mean = np.concatenate(known).mean(axis=0)
    unsure = [
        f"{name} ({value:.2f})"
        for name, value in zip(prior.skeleton.keypoints, mean, strict=True)
        if value < UNSURE
    ]
    if not unsure:
        return []
    return [
        Finding(
            where=named(unsure),
            what="low confidence: the model expects to be off by a tenth of the pose or more",
            remedy="train for longer (--set steps=… distil_steps=…)",
        )
    ]


def _doubt(told: Sequence[Told]) -> list[Finding]:
    wavering = []
    for own in told:
        if own.doubt is not None:
            share = float((own.doubt > MOST_DOUBT).mean())
            if share > WAVERING:
                wavering.append(f"{own.name} ({share:.0%} of its frames)")
    if not wavering:
        return []
    return [
        Finding(
            where=named(wavering),
            what="the teacher wavers: turned, scaled and mirrored views of a frame get different "
            "answers",
            remedy="look whether the subject is whole and in the middle there; if not, take the "
            "clip out or use --roi",
        )
    ]


def _readings(told: Sequence[Told], skeleton: Skeleton) -> list[Finding]:
    findings = []
    flips, steps = 0, 0
    for own in told:
        if own.in_a_row and len(own.points_px) > 1:
            flips += _flips(own.points_px.astype(np.float64), skeleton)
            steps += len(own.points_px) - 1
    if steps and flips > FLIPPING * steps:
        findings.append(
            Finding(
                what=f"ends or sides change places between frames ({flips} of {steps} steps): "
                "left for right, or head for tail",
                remedy="add poses to the prior in which they differ, or name forward and mirror "
                "in the skeleton",
            )
        )
    if skeleton.rotation == "any" and (skeleton.forward or skeleton.mirror):
        findings.append(
            Finding(
                what="seen from above, poses alone do not tell head from tail or left from right: "
                "all may be the wrong way round",
                remedy="look at the pictures; keycam eval with a dozen labelled frames prints the "
                "error plain and with such swaps forgiven",
            )
        )
    return findings


def _flips(points: NDArray[np.float64], skeleton: Skeleton) -> int:
    """Steps after which another reading of the pose is much nearer to the pose before."""
    count = 0
    for before, after in pairwise(points):
        plain, *others = (
            float(np.linalg.norm(other - before, axis=-1).mean())
            for other in lookalikes(after, skeleton)
        )
        count += bool(others) and min(others) < NEARER * plain
    return count
