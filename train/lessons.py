"""Lessons for the tracker network: crops as a tracker meets them, loose, rough, sometimes empty."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.geometry import Image, Roi, crop, to_crop
from engines.skeleton import Skeleton
from train import world
from train.batches import relit
from train.config import Config
from train.fit import DISTIL, rng_of
from train.pseudo import PseudoLabels
from train.reshape import Reshaper
from train.videos import Footage

MOST_DOUBT = 0.06  # frames the teacher wavers more about are not learnt from
EMPTY = 0.2  # share of crops that show no subject
RESHAPED = 0.6  # share of the subjects whose shape is changed
LEAST_MARGIN, MOST_MARGIN = 1.1, 3.4  # crop's side over the pose's box


@dataclass(frozen=True, eq=False)
class Lesson:
    """B crops for the tracker network.

    Attributes:
        crops: (B, S, S, 3) uint8 BGR.
        keypoints: (B, K, 2) float32, crop space; anything where there is no subject.
        size: (B,) float32, larger side of the pose's box, crop space; 0 where no subject.
    """

    crops: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    size: NDArray[np.float32]


def sure_frames(labels: PseudoLabels) -> list[tuple[int, int]]:
    """(clip, frame) of all frames with little doubt, or of the surer half of those with any sense.

    Raises:
        DataError: in no frame do the teacher's views agree.
    """
    every = [(c, f) for c, clip in enumerate(labels.doubt) for f in range(len(clip))]
    doubts = np.array([labels.doubt[c][f] for c, f in every])
    agreed = doubts[np.isfinite(doubts)]
    if not len(agreed):
        raise DataError(
            "the teacher contradicts itself in every frame: nothing to distil; train it for longer "
            "(--set steps=…) or look at sheets/ for what went wrong"
        )
    limit = max(MOST_DOUBT, float(np.median(agreed)))
    return [where for where, doubt in zip(every, doubts, strict=True) if doubt <= limit]


def draw_lesson(
    footage: Footage,
    labels: PseudoLabels,
    sure: list[tuple[int, int]],
    skeleton: Skeleton,
    config: Config,
    step: int,
    reshaper: Reshaper | None = None,
) -> Lesson:
    """The lesson of one step; a `reshaper` changes the shape of every second subject."""
    own = rng_of(config, DISTIL, step).spawn(config.distil_batch)[world.part(config.distil_batch)]
    count, side = len(own), config.tracker_size
    crops = np.empty((count, side, side, 3), np.uint8)
    keypoints = np.zeros((count, len(skeleton.keypoints), 2), np.float32)
    size = np.zeros(count, np.float32)
    for n, rng in enumerate(own):
        c, f = sure[rng.integers(len(sure))]
        image, points = footage.clips[c].images[f], labels.points_px[c][f]
        if rng.random() < EMPTY:
            crops[n] = _empty_crop(image, points, side, rng)
            continue
        roi = _loose_roi(points, skeleton, rng)
        keypoints[n] = to_crop(points, roi)
        size[n] = np.ptp(points, axis=0).max() / (roi.size / 2)
        crop(image, roi, side, out=crops[n])
        if reshaper is not None and rng.random() < RESHAPED:
            crops[n], keypoints[n] = reshaper.reshape(crops[n], keypoints[n], rng)
        if config.mirror and rng.random() < 0.5:
            crops[n] = crops[n][:, ::-1]
            keypoints[n] = keypoints[n][list(skeleton.flipped)] * (-1, 1)
        crops[n] = _roughened(crops[n], rng)
    return Lesson(crops, keypoints, size)


def _loose_roi(points: NDArray[np.float32], skeleton: Skeleton, rng: np.random.Generator) -> Roi:
    """A crop that holds the pose somewhere, at some size and turn."""
    margin = float(np.exp(rng.uniform(np.log(LEAST_MARGIN), np.log(MOST_MARGIN))))
    upright = skeleton.rotation == "upright"
    angle = rng.normal(0, 0.25) if upright else rng.uniform(-np.pi, np.pi)
    roi = Roi.around(points, margin, float(angle))
    room = max(0.05, (1 - 1 / margin) / 2) * roi.size  # the pose stays about inside
    dx, dy = rng.uniform(-room, room, 2)
    return Roi(roi.x + float(dx), roi.y + float(dy), roi.size, roi.angle)


def _empty_crop(
    image: Image, points: NDArray[np.float32], side: int, rng: np.random.Generator
) -> Image:
    """Something that is not the subject: a place beside it, a small part of it, a scramble of it,
    or a bare pattern."""
    kind = rng.random()
    pose = Roi.around(points, 1.0)
    if kind < 0.35:
        beside = _beside(image, pose, rng)
        if beside is not None:
            return _roughened(crop(image, beside, side), rng)
    if kind < 0.55:
        at = points[rng.integers(len(points))]
        part = Roi(float(at[0]), float(at[1]), pose.size * float(rng.uniform(0.15, 0.4)))
        return _roughened(crop(image, part, side), rng)
    if kind < 0.8:
        return _scrambled(crop(image, Roi.around(points, 1.6), side), rng)
    return _pattern(side, rng)


def _beside(image: Image, pose: Roi, rng: np.random.Generator) -> Roi | None:
    height, width = image.shape[:2]
    for _ in range(10):
        size = pose.size * float(rng.uniform(0.5, 2.0))
        x, y = float(rng.uniform(0, width)), float(rng.uniform(0, height))
        apart = max(abs(x - pose.x), abs(y - pose.y))
        if apart > (size + pose.size) / 2 * 0.9:
            return Roi(x, y, size)
    return None


def _scrambled(picture: Image, rng: np.random.Generator) -> Image:
    """The picture cut into 4 x 4 tiles that have changed places."""
    tile = len(picture) // 4
    tiles = [
        picture[y * tile : (y + 1) * tile, x * tile : (x + 1) * tile]
        for y in range(4)
        for x in range(4)
    ]
    order = rng.permutation(16)
    rows = [np.concatenate([tiles[i] for i in order[r : r + 4]], axis=1) for r in range(0, 16, 4)]
    whole = np.concatenate(rows, axis=0)
    return np.asarray(cv2.resize(whole, (len(picture), len(picture))), np.uint8)


def _pattern(side: int, rng: np.random.Generator) -> Image:
    """Smooth random colours from fine to coarse, or one plain colour."""
    grain = int(rng.choice([1, 2, 4, 8, 16]))
    spread = rng.uniform(5, 90)
    coarse = rng.normal(rng.uniform(0, 255, 3), spread, (grain, grain, 3)).clip(0, 255)
    smooth = cv2.resize(coarse.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    noisy = smooth + rng.normal(0, rng.uniform(0, 12), (side, side, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def _roughened(picture: Image, rng: np.random.Generator) -> Image:
    """Other light, and sometimes what poor cameras do: grey, noise, coarse pixels, a covered
    part."""
    rough = relit(picture, rng)
    if rng.random() < 0.1:
        rough = np.repeat(cv2.cvtColor(rough, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)
    if rng.random() < 0.2:
        noise = rng.normal(0, rng.uniform(2, 12), rough.shape)
        rough = (rough + noise).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        side = len(rough)
        coarse = int(side / rng.uniform(1.5, 3.5))
        small = cv2.resize(rough, (coarse, coarse), interpolation=cv2.INTER_AREA)
        rough = np.asarray(cv2.resize(small, (side, side)), np.uint8)
    if rng.random() < 0.15:
        x, y = rng.integers(0, len(rough), 2)
        wide, high = rng.integers(10, 45, 2)
        rough[y : y + high, x : x + wide] = rng.integers(0, 256, 3)
    return np.ascontiguousarray(rough, np.uint8)
