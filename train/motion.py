"""What moves in a video: before a fixed camera or a moving one."""

import logging
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np

from engines.errors import DataError
from engines.geometry import Image, Roi
from train.camera import camera_moves
from train.panorama import Sighting, follow
from train.subject import Background, roams
from train.videos import read_frames

log = logging.getLogger(__name__)
SAMPLED = 90  # frames that tell what a clip is like
WATCHED = 200  # frames in a row that tell whether it is one thing that moves
STEADY = 1.8  # ratio of a thing's sizes that one and the same thing keeps below, 90 % to 10 %
LEAST_FOLLOWED = 0.2  # share of a moving camera's frames in which the subject must be found


def located(video: Path) -> Iterator[tuple[Image, Roi | None]]:
    """Each frame of a clip with the square round what moves in it; None where nothing is found.

    Raises:
        DataError: unreadable, too few frames or of several sizes, or a camera that moves so that
            its background cannot be followed.
    """
    frames = sampled(video, SAMPLED)
    background = _background(video, frames)
    if not camera_moves(frames):
        yield from ((frame, background.find(frame)) for frame in read_frames(video))
        return
    rois = [sighting.roi for sighting in follow(read_frames(video))]
    share = sum(roi is not None for roi in rois) / len(rois)
    if share < LEAST_FOLLOWED:
        raise DataError(
            f"{video}: the camera moves, and its background can be followed in too few frames "
            f"({share:.0%}); film from a tripod, or name the subject's square with --roi X,Y,SIZE"
        )
    log.info("%s: the camera moves; its motion is taken out", video)
    yield from zip(read_frames(video), rois, strict=True)


def something_roams(video: Path) -> bool | None:
    """Whether a small subject goes about in a clip; None if it cannot be read."""
    try:
        frames = sampled(video, SAMPLED)
    except DataError:
        return None
    if len(frames) < 10 or len({frame.shape for frame in frames}) > 1:
        return False
    height, width = frames[0].shape[:2]
    if camera_moves(frames):
        rois = _longest_shot(list(follow(islice(read_frames(video), WATCHED))))
        return _is_one_thing(rois) and roams(rois, width, height)
    background = Background.of(frames)
    in_a_row = [background.find(frame) for frame in islice(read_frames(video), WATCHED)]
    everywhere = [background.find(frame) for frame in frames]
    return _is_one_thing(in_a_row) and roams(everywhere, width, height)


def _longest_shot(sightings: list[Sighting]) -> list[Roi | None]:
    """The squares of the shot with the most frames, freed of the camera's motion."""
    shots = [sighting.shot for sighting in sightings]
    longest = max(shots, key=shots.count)
    return [
        None if own.roi is None else Roi(*own.place, own.roi.size)
        for own in sightings
        if own.shot == longest
    ]


def _is_one_thing(rois: list[Roi | None]) -> bool:
    """Whether what was found in frames in a row keeps its size and does not leap; the parts of a
    face that move in turn, now the mouth, now the eyes, do both."""
    seen = [roi for roi in rois if roi is not None]
    if len(seen) < 2:
        return False
    small, middle, large = np.percentile([roi.size for roi in seen], [10, 50, 90])
    steps = [one.distance(two) for one, two in pairwise(seen)]
    return bool(large < STEADY * small and np.percentile(steps, 90) < middle / 4)


def sampled(video: Path, count: int) -> list[Image]:
    """About `count` frames spread over a clip."""
    every = max(1, frame_count(video) // count)
    return [frame for i, frame in enumerate(read_frames(video)) if i % every == 0]


def frame_count(video: Path) -> int:
    """How many frames a clip says it has; at least 1 where it is a file."""
    if video.is_dir():
        return sum(1 for _ in video.iterdir())
    capture = cv2.VideoCapture(str(video))
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return max(count, 1)


def _background(video: Path, frames: list[Image]) -> Background:
    try:
        return Background.of(frames)
    except DataError as error:
        raise DataError(f"{video}: {error}") from error
