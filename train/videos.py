"""Unlabelled video: an index of clips, frames ready to be cropped, pairs from one clip."""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet; read at the first capture

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.geometry import Image, Roi

VIDEO_ENDINGS = frozenset(
    {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"}
)
PICTURE_ENDINGS = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames of one subject in one scene, with the square that holds the subject in each.

    Attributes:
        images: the frames as they are kept, reduced to what is near the subject.
        rois: the squares, in pixels of `images`.
        places: the same squares in pixels of the video's frames; empty where not known.
        numbers: which frames of the video these are; empty where not known.
    """

    name: str
    images: Sequence[Image]
    rois: list[Roi]
    places: list[Roi] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Footage:
    """All clips of a training run, in memory."""

    clips: tuple[Clip, ...]

    def __len__(self) -> int:
        return sum(len(clip.images) for clip in self.clips)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """For each clip, how many frames it and the clips before it have."""
        return np.cumsum([len(clip.images) for clip in self.clips])

    def pair(self, rng: np.random.Generator, window: int) -> tuple[Clip, int, int]:
        """A clip and two frame numbers of it at most `window` apart; frames are equally likely.

        The second may lie on either side of the first; in the official code it is never earlier.
        """
        place = int(rng.integers(self._ends[-1]))
        number = int(np.searchsorted(self._ends, place, side="right"))
        clip = self.clips[number]
        first = place - (int(self._ends[number - 1]) if number else 0)
        low, high = max(0, first - window), min(len(clip.images), first + window + 1)
        return clip, first, int(rng.integers(low, high))


def find_videos(paths: Sequence[Path]) -> list[Path]:
    """Every clip under `paths`: video files, and folders that directly hold pictures.

    Raises:
        DataError: a path does not exist, is of an unknown kind, or nothing was found.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(_clips_below(path))
        elif not path.exists():
            raise DataError(f"{path}: no such file or folder")
        elif path.suffix.lower() in VIDEO_ENDINGS:
            found.append(path)
        else:
            raise DataError(
                f"{path}: not a video ({', '.join(sorted(VIDEO_ENDINGS))}) nor a folder"
            )
    if not found:
        raise DataError(f"no videos or pictures under {', '.join(map(str, paths))}")
    return found


def _clips_below(folder: Path) -> Iterator[Path]:
    entries = list(folder.iterdir())
    if any(entry.suffix.lower() in PICTURE_ENDINGS for entry in entries):
        yield folder
    for entry in entries:
        if entry.is_dir():
            yield from _clips_below(entry)
        elif entry.suffix.lower() in VIDEO_ENDINGS:
            yield entry


def read_frames(path: Path) -> Iterator[Image]:
    """All frames of a video file or of a folder of pictures in order of name.

    A picture that cannot be read is named in the log and left out; a video that ends early ends.
    """
    if path.is_dir():
        yield from _read_pictures(path)
        return
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")
    capture = cv2.VideoCapture(str(path))
    try:
        count = 0
        while True:
            good, image = capture.read()
            if not good:
                break
            count += 1
            yield np.asarray(image, np.uint8)
        if count == 0:
            raise DataError(f"{path}: not a video that can be read")
        expected = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if count < 0.9 * expected:
            log.warning("%s: ends early, %d of %d frames could be read", path, count, expected)
    finally:
        capture.release()


def _read_pictures(folder: Path) -> Iterator[Image]:
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() in PICTURE_ENDINGS:
            image = read_picture(file)
            if image is None:
                log.warning("%s: not a readable picture, left out", file)
            else:
                yield image


def read_picture(path: Path) -> Image | None:
    """The picture in a file; None, without OpenCV's remarks, where there is none."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError:
        return None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    return None if image is None else np.asarray(image, np.uint8)


def spread_frames(path: Path, count: int) -> list[Image]:
    """Up to `count` frames spread evenly over a video or a folder of pictures; or the one picture.

    Raises:
        DataError: nothing there can be read.
    """
    if path.is_dir():
        files = sorted(own for own in path.iterdir() if own.suffix.lower() in PICTURE_ENDINGS)
        chosen = [read_picture(files[n]) for n in _spread(len(files), count)]
    elif path.suffix.lower() in PICTURE_ENDINGS:
        chosen = [read_picture(path)]
    elif not path.is_file():
        raise DataError(f"{path}: no such file or folder")
    else:
        chosen = _sought(path, count)
    frames = [frame for frame in chosen if frame is not None]
    if not frames:
        raise DataError(f"{path}: neither a video nor a picture that can be read")
    return frames


def _sought(path: Path, count: int) -> list[Image]:
    """Frames of a video, gone to directly; where it ends early, those before."""
    capture = cv2.VideoCapture(str(path))
    try:
        found = []
        for number in _spread(max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))), count):
            capture.set(cv2.CAP_PROP_POS_FRAMES, number)
            good, image = capture.read()
            if good:
                found.append(np.asarray(image, np.uint8))
        return found
    finally:
        capture.release()


def _spread(length: int, count: int) -> list[int]:
    """`count` numbers below `length`, each in the middle of its share."""
    count = min(count, length)
    return [(2 * n + 1) * length // (2 * count) for n in range(count)]


def whole(picture: Image) -> Roi:
    """The covering square of a picture: the subject's where nothing more is known."""
    return Roi.of_frame(picture.shape[1], picture.shape[0])


def reduced(image: Image, roi: Roi, side: int, reach: float) -> tuple[Image, Roi]:
    """The part of `image` within `reach` times `roi`, shrunk so that the roi is ~`side` pixels.

    What is kept in memory for training: room for a roi to be turned, moved and enlarged.
    """
    height, width = image.shape[:2]
    half = roi.size * reach / 2
    x0, x1 = max(0, round(roi.x - half)), min(width, round(roi.x + half) + 1)
    y0, y1 = max(0, round(roi.y - half)), min(height, round(roi.y + half) + 1)
    if x1 - x0 < 2 or y1 - y0 < 2:
        x0, y0, x1, y1 = 0, 0, width, height
    patch = image[y0:y1, x0:x1]
    factor = min(1.0, side / roi.size)
    wide, high = max(1, round((x1 - x0) * factor)), max(1, round((y1 - y0) * factor))
    if factor < 1:
        patch = np.asarray(cv2.resize(patch, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
    fx, fy = wide / (x1 - x0), high / (y1 - y0)
    place = (roi.x - x0 + 0.5) * fx - 0.5, (roi.y - y0 + 0.5) * fy - 0.5
    return np.ascontiguousarray(patch), Roi(*place, roi.size * (fx + fy) / 2, roi.angle)
