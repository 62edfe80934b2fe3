"""Which end is the head: pseudo-labels made consistent over time, and head first by motion.

A teacher that learnt from unpaired poses alone may take head for tail or left for right, in some
frames or in all (`engines.lookalikes`). What a single picture cannot tell, a clip can:

1. Over time. A subject does not change ends between two frames. Of all sequences of readings those
   are taken in which keypoints move least; they differ from one another only by being read
   otherwise throughout, and the one that most often agrees with the teacher is kept.
2. By motion. Most subjects walk head first. Where the skeleton says which way that is, a stretch
   that mostly walks tail first is turned round; one that hardly walks goes with all the others.
"""

import logging
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engines.geometry import to_crop, to_frame
from engines.lookalikes import lookalikes, read, readings
from engines.skeleton import Skeleton
from train.pseudo import PseudoLabels
from train.videos import Clip, Footage

log = logging.getLogger(__name__)
MOST_GAP = 5  # frames between two labels of one stretch
MOST_STEP = 0.5  # body lengths a keypoint moves between two labels of one stretch, on average
STRIDE = 4  # frames before and after: where a subject was and will be
LEAST_WALK = 1.0  # body lengths, head first less tail first, that decide for a stretch


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Labels of one clip that follow each other closely, in order of time.

    Attributes:
        clip: its number.
        frames: (T,) places of the labels in the clip.
        poses: (R, T, K, 2) their readings, pixels of the video's frames.
        size: of the body, pixels.
        chosen: (T,) which reading each label gets.
    """

    clip: int
    frames: NDArray[np.int64]
    poses: NDArray[np.float64]
    size: float
    chosen: NDArray[np.int64]


def settled(labels: PseudoLabels, footage: Footage, skeleton: Skeleton) -> PseudoLabels:
    """The same labels, each in the reading that fits its clip; labels without sense stay.

    Nothing changes for a skeleton whose poses have one reading. What was done is logged.
    """
    known = readings(skeleton)
    if len(known) == 1:
        return labels
    stretches = [
        stretch
        for number, clip in enumerate(footage.clips)
        for stretch in _stretches(
            number, clip, labels.points_px[number], labels.doubt[number], skeleton
        )
    ]
    if known[-1].turned:
        stretches = _head_first(stretches, skeleton)
    points = [own.copy() for own in labels.points_px]
    for stretch in stretches:
        for frame, choice in zip(stretch.frames, stretch.chosen, strict=True):
            own = points[stretch.clip]
            own[frame] = read(own[frame], known[choice], skeleton)
    changed = sum(int(np.count_nonzero(stretch.chosen)) for stretch in stretches)
    if changed:
        log.info("%d of %d labels read otherwise than the teacher did", changed, len(footage))
    return PseudoLabels(points, labels.doubt)


def _stretches(
    number: int,
    clip: Clip,
    points_px: NDArray[np.float32],
    doubt: NDArray[np.float32],
    skeleton: Skeleton,
) -> list[_Stretch]:
    """The clip's labels that make sense, cut where frames are missing or no reading explains the
    jump, each piece read so that the keypoints move least."""
    frames = np.flatnonzero(np.isfinite(doubt))
    if not len(frames):
        return []
    places = clip.places or clip.rois
    moved = [to_frame(to_crop(points_px[f], clip.rois[f]), places[f]) for f in frames]
    poses = lookalikes(np.stack(moved).astype(np.float64), skeleton)  # (R, T, K, 2)
    size = float(np.median(np.ptp(poses[0], axis=1).max(axis=1))) + 1e-6
    gaps = np.diff(np.array(clip.numbers)[frames]) if clip.numbers else np.diff(frames)
    steps = _steps(poses) / size  # (R, T - 1)
    cuts = (gaps > MOST_GAP) | (steps.min(axis=0) > MOST_STEP * gaps)
    edges = [0, *(np.flatnonzero(cuts) + 1), len(frames)]
    return [
        _Stretch(number, frames[a:b], poses[:, a:b], size, _smoothest(steps[:, a : b - 1]))
        for a, b in pairwise(edges)
    ]


def _steps(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R, T - 1) how far keypoints move on average if what is read as i in one frame is read as
    i XOR g in the next, for each g; the mean over i.

    Readings are numbered by two bits (or one): swapped and turned. So XOR joins two of them, and
    the cost of a sequence does not depend on how its first frame is read.
    """
    count = len(poses)
    numbers = np.arange(count)
    gaps = [poses[:, :-1] - poses[numbers ^ g][:, 1:] for g in range(count)]
    return np.stack([np.linalg.norm(gap, axis=-1).mean(axis=(0, 2)) for gap in gaps])


def _smoothest(steps: NDArray[np.float64]) -> NDArray[np.int64]:
    """(T,) the readings that make the sum of `steps` (R, T - 1) least, most of them plain."""
    changes = np.concatenate([[0], steps.argmin(axis=0)])
    chosen = np.bitwise_xor.accumulate(changes)
    return chosen ^ np.bincount(chosen).argmax()


def _head_first(stretches: list[_Stretch], skeleton: Skeleton) -> list[_Stretch]:
    """The stretches, turned end for end where that lets the subject walk head first."""
    known = readings(skeleton)
    turned = np.array([reading.turned for reading in known])
    other = np.array([known.index(own._replace(turned=not own.turned)) for own in known])
    walks = [_walk(stretch, skeleton) for stretch in stretches]
    plain = [
        np.where(turned[stretch.chosen], -walk, walk)
        for stretch, walk in zip(stretches, walks, strict=True)
    ]
    teacher_errs = sum(float(walk.sum()) for walk in plain) < -LEAST_WALK
    done = []
    for stretch, walk in zip(stretches, walks, strict=True):
        wrong = walk.sum() < 0
        if abs(walk.sum()) < LEAST_WALK:
            wrong = (turned[stretch.chosen].mean() > 0.5) != teacher_errs
        done.append(replace(stretch, chosen=other[stretch.chosen]) if wrong else stretch)
    _tell(plain, [_walk(stretch, skeleton) for stretch in done])
    return done


def _walk(stretch: _Stretch, skeleton: Skeleton) -> NDArray[np.float64]:
    """(T,) how far the subject goes head first per label, body lengths; tail first is negative."""
    assert skeleton.forward is not None
    count = len(stretch.frames)
    tail, head = (stretch.poses[stretch.chosen, np.arange(count), end] for end in skeleton.forward)
    heading = head - tail
    heading /= np.linalg.norm(heading, axis=1, keepdims=True) + 1e-9
    before = np.maximum(np.arange(count) - STRIDE, 0)
    after = np.minimum(np.arange(count) + STRIDE, count - 1)
    middle = (head + tail) / 2  # the same whichever end is the head
    step = (middle[after] - middle[before]) / np.maximum(after - before, 1)[:, None]
    return np.asarray((step * heading).sum(axis=1) / stretch.size)


def _tell(before: list[NDArray[np.float64]], after: list[NDArray[np.float64]]) -> None:
    shares = []
    for walks in (before, after):
        way = np.concatenate(walks) if walks else np.zeros(1)
        shares.append(100 * np.maximum(way, 0).sum() / max(np.abs(way).sum(), 1e-9))
    log.info(
        "walking head first: %.0f %% of the way; as the teacher had it, %.0f %%", *shares[::-1]
    )
