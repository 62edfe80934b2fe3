"""The unlabelled criterion: how good a teacher is, by frames it never learnt from and no label.

No single part can be trusted alone. A teacher that always answers the same pose draws it perfectly
and reads it again perfectly; one that puts all points in one place follows every motion; one that
answers random poses of the prior has their exact distribution. So four questions are asked:

equivariance: when the picture is turned, moved, scaled, bent, relit and mirrored, do the keypoints
    go with it? Mean distance, in units of the pose's size, each frame's at most 1.
cycle: is the skeleton image of the encoder a drawing of the keypoints read from it, and do the
    keypoints survive being drawn and read again? Mean of the two, each at most 1.
shape: have the poses the shapes of the prior? Place, size and turn are taken out of each first.
place: do they lie in the crop as the prior's poses do, as large and as upright?

The last two compare distributions by the energy coefficient (Székely and Rizzo, "Energy
statistics", 2013): 0 for equal ones, at most 1. It needs only distances between poses: no density
and no covariance, which 200 poses of 68 keypoints could not give (the Fréchet distance fits a
Gaussian in 136 dimensions), and one wild pose cannot rule it. One shape every time, even the best
one, has a coefficient of about 0.3, and points in one place have nearly 1. Shapes count from
TOLERANCE on only: other individuals differ that much, and a teacher whose shapes are a
little too tame is no worse than one that gets the same spread by trembling.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engines.skeleton import Skeleton
from train.batches import Batch, draw_batch, tensor
from train.config import Config
from train.losses import looked_up, mirror_back
from train.parts import Teacher
from train.prior import Prior
from train.renderer import Renderer
from train.tracker_network import TrackerNetwork
from train.videos import Footage

FRAMES = 200  # looked at twice each: a second or two on one core at compact size
CHUNK = 50
LEAST_SIZE = 1e-3  # of a pose, crop units: what is smaller is one place
WEIGHTS = {"equivariance": 1.0, "cycle": 0.5, "shape": 0.5, "place": 0.5}
TOLERANCE = {"shape": 0.05}
EXAM = 21  # what the random numbers are for


@dataclass(frozen=True, eq=False)
class Exam:
    """The questions: the same for every teacher of a run.

    Attributes:
        batch: held-out frames, and the same ones moved.
        poses: (N, K, 2) float64, crop space: how poses should be distributed.
        skeleton: of the keypoints.
        mirror: whether a pose and its mirror image are as likely as each other.
    """

    batch: Batch
    poses: NDArray[np.float64]
    skeleton: Skeleton
    mirror: bool

    @classmethod
    def of(cls, held: Footage, prior: Prior, config: Config) -> Self:
        """A function of its arguments alone: frames, motions and poses come from the seed."""
        rng = np.random.default_rng((config.seed, EXAM))
        any_turn = prior.skeleton.rotation == "any"
        drawn = replace(config, batch=FRAMES, equivariance_weight=1.0)
        batch = draw_batch(held, drawn, rng, any_turn=any_turn)
        poses = prior.sample(
            rng, FRAMES, turn=config.turn, scale=config.scale, shift=config.shift, mirror=False
        )
        return cls(batch, poses.astype(np.float64), prior.skeleton, config.mirror)


@torch.no_grad()
def measure(
    teacher: Teacher, renderer: Renderer, exam: Exam, device: torch.device
) -> dict[str, float]:
    """The parts of the criterion, and their `total`; lower is better."""
    was_training = teacher.training
    teacher.eval()
    images = [teacher.encoder(x) for x in _chunks(exam.batch.frames, device)]
    found = [teacher.regressor(image) for image in images]
    moved = torch.cat([teacher(x) for x in _chunks(exam.batch.moved, device)]).cpu()
    cycles = [
        _cycles(teacher, renderer, image, points)
        for image, points in zip(images, found, strict=True)
    ]
    teacher.train(was_training)
    cycle = {"cycle": float(torch.cat(cycles).mean())}
    return _scores(torch.cat(found).cpu(), moved, exam, cycle)


@torch.no_grad()
def measure_tracker(network: TrackerNetwork, exam: Exam, device: torch.device) -> dict[str, float]:
    """The same of a tracker network, in evaluation mode: it draws nothing, so has no cycle."""
    found, moved = (
        torch.cat([network(x.flip(1))[0] for x in _chunks(pictures, device)]).cpu()
        for pictures in (exam.batch.frames, exam.batch.moved)
    )
    return _scores(found, moved, exam, {})


def _scores(found: Tensor, moved: Tensor, exam: Exam, more: dict[str, float]) -> dict[str, float]:
    parts = {
        "equivariance": equivariance(found, moved, exam),
        **more,
        **likeness(found.double().numpy(), exam),
    }
    return {**parts, "total": total(parts)}


def total(parts: Mapping[str, float]) -> float:
    """The sum by WEIGHTS of what exceeds TOLERANCE in each part."""
    return sum(
        WEIGHTS[name] * max(0.0, value - TOLERANCE.get(name, 0.0)) for name, value in parts.items()
    )


def equivariance(found: Tensor, moved: Tensor, exam: Exam) -> float:
    """Mean over frames of the distance between the keypoints of a frame and those of the moved
    frame, moved back, over the pose's size; each frame's at most 1."""
    mirrored = torch.from_numpy(exam.batch.mirrored)
    back = mirror_back(moved, mirrored, exam.skeleton.flipped)
    expected = looked_up(torch.from_numpy(exam.batch.origin), back)
    gap = (found - expected).norm(dim=-1).mean(dim=-1)
    return float((gap / _size(found)).clamp(max=1).mean())


def _cycles(teacher: Teacher, renderer: Renderer, images: Tensor, keypoints: Tensor) -> Tensor:
    """Both cycles of each frame (2B,), at most 1: keypoints drawn and read again, their distance
    over the pose's size; skeleton images against the drawing, the error's share of its power."""
    drawing = renderer(keypoints)
    gap = (teacher.regressor(drawing) - keypoints).norm(dim=-1).mean(dim=-1)
    power = (drawing + 1).square().mean(dim=(1, 2, 3)).clamp(min=1e-6)
    error = (images - drawing).square().mean(dim=(1, 2, 3))
    return torch.cat([gap / _size(keypoints), error / power]).clamp(max=1)


def likeness(found: NDArray[np.float64], exam: Exam) -> dict[str, float]:
    """How far the distribution of poses (N, K, 2) is from the exam's: in shape, and in place."""
    wanted = exam.poses
    if exam.mirror:
        found, wanted = (_with_mirrored(poses, exam.skeleton) for poses in (found, wanted))
    mean = mean_shape(wanted)
    return {
        "shape": energy_coefficient(shapes(found, mean), shapes(wanted, mean)),
        "place": energy_coefficient(found, wanted),
    }


def energy_coefficient(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """(2 E|X-Y| - E|X-X'| - E|Y-Y'|) / 2 E|X-Y| of two samples (N, ...) and (M, ...), N, M > 1.

    The means within a sample leave out each member's distance to itself; what falls below 0 by
    that is 0.
    """
    x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
    between = float(_distances(x, y).mean())
    if not between:
        return 0.0
    within = sum(float(_distances(z, z).sum()) / (len(z) * (len(z) - 1)) for z in (x, y))
    return max(0.0, 1 - within / (2 * between))


def shapes(poses: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Poses (N, K, 2) centred, at root mean square radius 1, turned towards `mean` (K, 2).

    A pose that is one place stays there: all its points are (0, 0). The best turn of complex
    numbers z onto m is that by the phase of sum(conj(z) m) (ordinary Procrustes analysis).
    """
    centred = poses - poses.mean(axis=1, keepdims=True)
    radius = np.sqrt(np.square(centred).sum(axis=-1).mean(axis=-1))[:, None, None]
    z = (np.where(radius > LEAST_SIZE, centred, 0) / np.maximum(radius, LEAST_SIZE)) @ (1, 1j)
    turn = (z.conj() * (mean @ (1, 1j))).sum(axis=1, keepdims=True)
    z = z * turn / np.maximum(np.abs(turn), 1e-12)
    return np.stack([z.real, z.imag], axis=-1)


def mean_shape(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, 2): the mean of the shapes, turned towards each other from the first pose on."""
    mean = poses[0] - poses[0].mean(axis=0)
    for _ in range(3):
        mean = shapes(poses, mean).mean(axis=0)
    return mean


def _with_mirrored(poses: NDArray[np.float64], skeleton: Skeleton) -> NDArray[np.float64]:
    return np.concatenate([poses, poses[:, list(skeleton.flipped)] * (-1, 1)])


def _distances(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    square = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1) - 2 * x @ y.T
    distance: NDArray[np.float64] = np.sqrt(np.maximum(square, 0))
    if x is y:
        np.fill_diagonal(distance, 0)
    return distance


def _size(keypoints: Tensor) -> Tensor:
    """(B,) the larger side of each pose's box, crop units."""
    box = keypoints.amax(dim=1) - keypoints.amin(dim=1)
    return box.amax(dim=1).clamp(min=LEAST_SIZE)


def _chunks(pictures: NDArray[np.uint8], device: torch.device) -> Iterator[Tensor]:
    for start in range(0, len(pictures), CHUNK):
        yield tensor(pictures[start : start + CHUNK], device)
