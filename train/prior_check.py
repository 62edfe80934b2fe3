"""Is the prior worth an hour? Enough poses, different ones, of a size that can be drawn."""

import numpy as np
from numpy.typing import NDArray

from train.config import Config
from train.finding import Finding, named
from train.prior import INSIDE, Prior

FEWEST, FEW = 3, 20  # distinct poses
COMPARED = 400  # poses, at most
SAME = 0.01  # of a pose's size: mean distance of two that count as one, place and size aside
SMALL_PX = 8.0  # longer side of a pose in the skeleton image, below which its drawing is a blob
LEAVING = 0.2  # share of poses that reach beyond the crop
STIFF = 0.003  # of a pose's size: how far a keypoint moves against the others


def check_prior(prior: Prior, config: Config, where: str) -> list[Finding]:
    """Faults of a prior; `where` names its file."""
    findings = []
    distinct = _distinct(_shapes(prior.poses[:: -(-len(prior) // COMPARED)]))
    if distinct < FEW:
        findings.append(
            Finding(
                severity="stop" if distinct < FEWEST else "warning",
                where=where,
                what=f"only {distinct} distinct poses among {len(prior)}",
                remedy="add poses that differ; fifty will do",
            )
        )
    size = np.ptp(prior.poses, axis=1).max(axis=1)
    drawn_px = float(np.median(size)) / 2 * config.drawing
    if drawn_px < SMALL_PX:
        findings.append(
            Finding(
                where=where,
                what=f"poses are {drawn_px:.0f} px large in a skeleton image of {config.drawing} "
                "px: their frames are much larger than the subject",
                remedy="mark poses in pictures cropped to the subject (width and height are those "
                "of the crop), and crop the videos alike or use --roi",
            )
        )
    leaving = float((np.abs(prior.poses).max(axis=(1, 2)) > INSIDE).mean())
    if leaving > LEAVING:
        findings.append(
            Finding(
                where=where,
                what=f"{leaving:.0%} of the poses reach over the edge of the crop, and will be "
                "moved and shrunk",
                remedy="take wider frames, or a wider crop with --set zoom=…",
            )
        )
    if distinct >= FEWEST and (stiff := _stiff(prior)):
        findings.append(
            Finding(
                where=where,
                what=f"{named(stiff)}: never moves against the other keypoints",
                remedy="add poses in which it does, or leave it out of the skeleton",
            )
        )
    return findings


def spread(poses: NDArray[np.floating]) -> NDArray[np.float64]:
    """(K,) how far each keypoint moves against the others over poses (N, K, 2): root mean square
    distance from its place in the mean pose, each pose turned, moved and scaled onto it
    (Procrustes), in sizes of the mean pose."""
    aligned = align(poses)
    mean = aligned.mean(axis=0)
    size = np.ptp(mean, axis=0).max() + 1e-9
    return np.asarray(np.sqrt(((aligned - mean) ** 2).sum(axis=-1).mean(axis=0)) / size)


def align(poses: NDArray[np.floating]) -> NDArray[np.float64]:
    """Poses (N, K, 2) under the similarity each that brings it nearest to their mean, which is
    found by alternation (generalised Procrustes); centred, of root mean square radius 1."""
    complexes = poses[..., 0].astype(np.float64) + 1j * poses[..., 1]
    complexes -= complexes.mean(axis=1, keepdims=True)
    complexes /= np.sqrt((np.abs(complexes) ** 2).mean(axis=1, keepdims=True)) + 1e-9
    mean = complexes[0]
    for _ in range(5):
        turn = (complexes.conj() * mean).sum(axis=1, keepdims=True)
        complexes = complexes * (turn / (np.abs(turn) + 1e-9))
        mean = complexes.mean(axis=0)
    return np.stack([complexes.real, complexes.imag], axis=-1)


def _shapes(poses: NDArray[np.float32]) -> NDArray[np.float32]:
    """Place and size taken out; the turn is kept."""
    centred = poses - poses.mean(axis=1, keepdims=True)
    return centred / (np.ptp(poses, axis=1).max(axis=1)[:, None, None] + 1e-9)


def _distinct(shapes: NDArray[np.float32]) -> int:
    """How many of (N, K, 2) are further than `SAME` from all that were counted before."""
    kept: list[NDArray[np.float32]] = []
    for shape in shapes:
        others = np.stack(kept) if kept else np.empty((0, *shape.shape))
        if not (np.linalg.norm(others - shape, axis=-1).mean(axis=-1) < SAME).any():
            kept.append(shape)
    return len(kept)


def _stiff(prior: Prior) -> list[str]:
    if len(prior.skeleton.keypoints) < 3:  # two points always lie on each other once aligned
        return []
    moves = spread(prior.poses)
    return [name for name, far in zip(prior.skeleton.keypoints, moves, strict=True) if far < STIFF]
