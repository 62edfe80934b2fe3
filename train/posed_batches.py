"""Pairs for a decoder: a reference and another frame of the same clip, with their keypoints."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Points, Roi, crop, to_crop
from engines.skeleton import Skeleton
from train.batches import bent, relit, resampled
from train.decoder_config import DecoderConfig
from train.posed import PosedFootage

DECODER = 31  # what the random numbers are for
RELIT = 0.5  # share of the pairs that are shown in another light, the same for both


@dataclass(frozen=True, eq=False)
class PosedBatch:
    """B pairs; pictures are (B, S, S, 3) uint8 BGR, keypoints (B, K, 2) float32 in crop space.

    Attributes:
        references, poses: what is given, and where its keypoints are.
        frames, keypoints: what is to be made.
        apart: (B,) bool, the two have crops of their own, so that the background moved as well.
    """

    references: NDArray[np.uint8]
    poses: NDArray[np.float32]
    frames: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    apart: NDArray[np.bool_]


def draw_pairs(
    footage: PosedFootage, skeleton: Skeleton, config: DecoderConfig, step: int
) -> PosedBatch:
    """The batch of a step: a function of seed and step alone, so resuming needs no state."""
    count, size, points = config.batch, config.size, len(skeleton.keypoints)
    references, frames = (np.empty((count, size, size, 3), np.uint8) for _ in range(2))
    poses, keypoints = (np.empty((count, points, 2), np.float32) for _ in range(2))
    apart = np.empty(count, np.bool_)
    for n, rng in enumerate(np.random.default_rng((config.seed, DECODER, step)).spawn(count)):
        clip, i, j = footage.pair(rng)
        apart[n] = not clip.still or rng.random() < config.apart
        here = random_crop(clip.points_px[i], config, rng)
        there = random_crop(clip.points_px[j], config, rng) if apart[n] else here
        crop(clip.images[i], here, size, out=references[n])
        crop(clip.images[j], there, size, out=frames[n])
        poses[n] = to_crop(clip.points_px[i], here)
        keypoints[n] = to_crop(clip.points_px[j], there)
        if apart[n] and rng.random() < 0.5:
            frames[n], keypoints[n] = elastic(frames[n], keypoints[n], config.bend, rng)
        if rng.random() < RELIT:
            light = int(rng.integers(1 << 32))
            for pictures in (references, frames):
                pictures[n] = relit(pictures[n], np.random.default_rng(light))
        if config.mirror and rng.random() < 0.5:
            for pictures in (references, frames):
                pictures[n] = pictures[n][:, ::-1].copy()
            for places in (poses, keypoints):
                places[n] = places[n][list(skeleton.flipped)] * (-1, 1)
    return PosedBatch(references, poses, frames, keypoints, apart)


def random_crop(points_px: Points, config: DecoderConfig, rng: np.random.Generator) -> Roi:
    """The decoder's crop round a pose, under a random similarity."""
    roi = Roi.around(points_px, config.margin, float(rng.normal(0, config.turn)))
    dx, dy = rng.normal(0, config.shift, 2) * roi.size / 2
    size = roi.size * float(np.exp(rng.normal(0, config.scale)))
    return Roi(roi.x + float(dx), roi.y + float(dy), size, roi.angle)


def elastic(
    picture: Image, keypoints: Points, bend: float, rng: np.random.Generator
) -> tuple[Image, Points]:
    """A picture (S, S, 3) and its keypoints (K, 2) under the same smooth random deformation."""
    size = len(picture)
    shown = bent(size, bend, rng)
    field = (shown - bent(size, 0.0, rng)).astype(np.float32)
    places = keypoints.astype(np.float32)
    for _ in range(8):  # the place that shows a keypoint: its own, less the displacement there
        pixels = ((places + 1) * (size / 2) - 0.5)[None]
        shift = cv2.remap(field, pixels, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        places = keypoints - shift[0]
    return resampled(picture, shown), places.astype(np.float32)
