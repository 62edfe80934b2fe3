"""A folder of pictures, or a single picture, as a source."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns

import cv2
import numpy as np

from engines.geometry import Image
from realtime.capture import hush
from realtime.frame import Frame
from realtime.pace import Pace
from realtime.source import PICTURE_SUFFIXES, Source, SourceError

FPS = 30.0  # a folder does not say; its pictures are taken to be this far apart

log = logging.getLogger(__name__)


class Pictures(Source):
    """The pictures of a folder in the order of their names, numbers by value: f2 before f10.

    One that cannot be read is named in a warning, skipped, and counted as dropped.
    """

    live = False

    def __init__(self, path: Path, *, realtime: bool = False) -> None:
        """Read the first picture.

        Raises:
            SourceError: no such path, no pictures in it, or none that can be read.
        """
        self.name = str(path)
        self.fps = FPS
        self.dropped = 0
        self._files = _picture_files(path)
        self._start = monotonic_ns()
        self._pace = Pace(on=realtime)
        self._closed = False
        self._frames = self._read()
        first = next(self._frames, None)
        if first is None:
            raise SourceError(f"{path}: not one readable picture; are the files damaged?")
        self._first: Frame | None = first
        self.size = (first.image.shape[1], first.image.shape[0])

    def __iter__(self) -> Iterator[Frame]:
        frame, self._first = self._first, None
        while frame is not None and not self._closed:
            self._pace.wait(frame.time_ns)
            yield frame
            frame = next(self._frames, None)

    def close(self) -> None:
        self._closed = True

    def _read(self) -> Iterator[Frame]:
        skipped = 0
        for index, file in enumerate(self._files):
            image = read_picture(file)
            if image is None:
                log.warning("%s: not a readable picture, skipped", file)
                skipped += 1
                self.dropped += 1
                continue
            yield Frame(image, index, self._start + round(index * 1e9 / FPS), skipped)
            skipped = 0


def read_picture(path: Path) -> Image | None:
    """(H, W, 3) uint8 BGR, turned upright as its EXIF data says; None if it cannot be read."""
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread fails on some paths under Windows
    except OSError:
        return None
    hush()
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _picture_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SourceError(f"no file or folder '{path}'; check the path")
    files = [file for file in path.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES]
    if not files:
        known = " ".join(sorted(PICTURE_SUFFIXES))
        raise SourceError(f"{path}: a folder without pictures; it needs files ending in {known}")
    return sorted(files, key=_natural)


def _natural(path: Path) -> list[tuple[int, int | str]]:
    parts = re.split(r"([0-9]+)", path.name.lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]
