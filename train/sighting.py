"""Finding the subject in a user's video by looking with the model itself."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from engines.engine import Engine
from engines.geometry import Image, Roi, crop, to_frame
from engines.search import search_rois
from train.footage import REACH, load_footage
from train.motion import frame_count
from train.videos import Clip, Footage, find_videos, read_frames, reduced

log = logging.getLogger(__name__)
SightMode: TypeAlias = Literal["model", "frame", "motion"]
SURE = 0.5  # mean confidence that takes a subject up in a sweep over the frame
STILL_SURE = 0.35  # and where it was in the frame before
AGREE = 0.4  # least overlap of the square looked in and the one round the pose found
REFINEMENTS = 2  # closer looks at the best of a sweep
KEEP = 1.25  # pixels kept per pixel of the crop
MOST_FRAMES = 300  # taken of all videos, evenly


def sighted(paths: Sequence[Path], engine: Engine, mode: SightMode) -> Footage:
    """At most MOST_FRAMES frames spread over the videos, each with the square round the pose the
    model finds in it.

    Args:
        mode: "model" searches each frame with the model, coarse to fine, first where the subject
            was before, and leaves out frames in which it is not found; "frame" and "motion" look
            where `train.footage.load_footage` does.

    Raises:
        DataError: a video cannot be read.
    """
    side = round(engine.card.size * KEEP)
    if mode != "model":
        footage, _ = load_footage(paths, mode, side)
        every = -(-len(footage) // MOST_FRAMES)
        return Footage(tuple(_thinned(clip, engine, every) for clip in footage.clips))
    videos = find_videos(paths)
    every = max(1, -(-sum(map(frame_count, videos)) // MOST_FRAMES))
    clips = []
    for video in videos:
        clip, count = _clip(video, engine, side, every)
        log.info("%s: subject found in %d of %d frames", video, len(clip.images), count)
        clips.append(clip)
    return Footage(tuple(clip for clip in clips if clip.images))


def find(engine: Engine, image: Image, near: Roi | None) -> Roi | None:
    """The square round the subject in `image`: looked for at `near`, then everywhere."""
    if near is not None:
        score, roi, overlap = _look(engine, image, [near])[0]
        if score >= STILL_SURE and overlap >= AGREE:
            return roi
    height, width = image.shape[:2]
    score, roi, _ = max(_look(engine, image, search_rois(width, height)), key=lambda x: x[0])
    for _ in range(REFINEMENTS):
        score, closer, overlap = _look(engine, image, [roi])[0]
        if score >= SURE and overlap >= AGREE:
            return closer
        roi = closer
    return None


def _look(engine: Engine, image: Image, rois: Sequence[Roi]) -> list[tuple[float, Roi, float]]:
    """For each square: mean confidence, the square round the pose found in it, their overlap."""
    size = engine.card.size
    keypoints, confidence = engine.run(np.stack([crop(image, roi, size) for roi in rois]))
    around = [
        Roi.around(to_frame(points, roi), engine.card.margin)
        for points, roi in zip(np.nan_to_num(keypoints), rois, strict=True)
    ]
    scores = np.nan_to_num(confidence).mean(axis=1).tolist()
    return [
        (score, own, own.overlap(roi)) for score, own, roi in zip(scores, around, rois, strict=True)
    ]


def _clip(video: Path, engine: Engine, side: int, every: int) -> tuple[Clip, int]:
    """The frames of a video that show the subject, and how many were looked at."""
    images, rois, count = [], [], 0
    roi: Roi | None = None
    for image in _every(video, every):
        count += 1
        roi = find(engine, image, roi)
        if roi is not None:
            picture, placed = reduced(image, roi, side, REACH)
            images.append(picture)
            rois.append(placed)
    return Clip(video.name, images, rois), count


def _thinned(clip: Clip, engine: Engine, every: int) -> Clip:
    """Every so many-th frame, its square drawn closer round what is seen in it."""
    images, rois = clip.images[::every], clip.rois[::every]
    closer = [_look(engine, *pair)[0][1] for pair in zip(images, ([r] for r in rois), strict=True)]
    return Clip(clip.name, images, closer)


def _every(video: Path, every: int) -> Iterator[Image]:
    return (image for number, image in enumerate(read_frames(video)) if number % every == 0)
