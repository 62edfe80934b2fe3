"""Clips whose keypoints are known: what a decoder learns from."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from engines.engine import Engine
from engines.errors import DataError
from engines.geometry import Image, Points, Roi, crop, to_frame
from train.decoder_config import DecoderConfig
from train.motion import frame_count
from train.sighting import find
from train.videos import find_videos, read_frames, reduced

log = logging.getLogger(__name__)
KEEP = 1.25  # pixels kept per pixel of the decoder's crop
ROOM = 1.3  # side of what is kept over that of the crop
ROAMS = 1.0  # a pose's way over its size from which the camera is not taken to stand still


@dataclass(frozen=True, eq=False)
class PosedClip:
    """Frames of one subject in one scene, with its keypoints.

    Attributes:
        points_px: (F, K, 2) float32, pixels of the images.
        still: the camera stands still, and the images share one frame of pixels.
    """

    name: str
    images: Sequence[Image]
    points_px: NDArray[np.float32]
    still: bool


@dataclass(frozen=True, eq=False)
class PosedFootage:
    """All clips that a decoder learns from; each has two frames at least."""

    clips: tuple[PosedClip, ...]

    def __len__(self) -> int:
        return sum(len(clip.images) for clip in self.clips)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum([len(clip.images) for clip in self.clips])

    def pair(self, rng: np.random.Generator) -> tuple[PosedClip, int, int]:
        """A clip and the numbers of two different frames of it; frames are equally likely."""
        place = int(rng.integers(self._ends[-1]))
        number = int(np.searchsorted(self._ends, place, side="right"))
        clip = self.clips[number]
        first = place - (int(self._ends[number - 1]) if number else 0)
        step = int(rng.integers(1, len(clip.images)))
        return clip, first, (first + step) % len(clip.images)


def load_posed(paths: Sequence[Path], engine: Engine, config: DecoderConfig) -> PosedFootage:
    """Read every clip under `paths`, find the subject with the tracker and ask it for keypoints.

    Frames in which it is not found are left out.

    Raises:
        DataError: nothing to read, or no clip has two frames that show the subject.
    """
    clips = []
    for video in tqdm(find_videos(paths), "reading videos", unit="clip", dynamic_ncols=True):
        try:
            clip = _clip(video, engine, config)
        except DataError as error:
            log.warning("left out: %s", error)
            continue
        if clip is not None:
            clips.append(clip)
    if not clips:
        raise DataError("nothing to learn from: the tracker finds its subject in no two frames")
    return PosedFootage(tuple(clips))


def _clip(video: Path, engine: Engine, config: DecoderConfig) -> PosedClip | None:
    seen = list(_seen(video, engine, config.most_frames))
    if len(seen) < 2:
        return None
    images, points = [image for image, _ in seen], np.stack([own for _, own in seen])
    poses = [Roi.around(own, config.margin) for own in points]
    size = float(np.median([pose.size for pose in poses]))
    x, y = np.array([(pose.x, pose.y) for pose in poses]).T
    way = max(float(np.ptp(x)), float(np.ptp(y)))
    still = len({image.shape for image in images}) == 1 and way < ROAMS * size / config.margin
    if still:
        together = Roi(float(np.mean(x)), float(np.mean(y)), size + way)
        poses = [together] * len(images)
    side = config.size * KEEP / size
    kept = [
        reduced(image, pose, round(side * pose.size), ROOM)
        for image, pose in zip(images, poses, strict=True)
    ]
    moved = [
        _moved(own, *rois) for own, *rois in zip(points, poses, (r for _, r in kept), strict=True)
    ]
    return PosedClip(video.name, [image for image, _ in kept], np.stack(moved), still)


def _moved(points_px: Points, here: Roi, there: Roi) -> Points:
    """Keypoints in `here`'s picture -> in the picture where the same square is `there`."""
    scale = there.size / here.size
    shifted = (points_px - (here.x, here.y)) * scale + (there.x, there.y)
    return shifted.astype(np.float32)


def _seen(video: Path, engine: Engine, most: int) -> Iterator[tuple[Image, Points]]:
    """Up to about `most` frames spread over a clip that show the subject, with its keypoints."""
    every = max(1, -(-frame_count(video) // most))
    roi: Roi | None = None
    for number, image in enumerate(read_frames(video)):
        if number % every == 0:
            roi = find(engine, image, roi)
            if roi is not None:
                picture = crop(image, roi, engine.card.size)[None]
                yield image, to_frame(engine.run(picture).keypoints[0], roi)
