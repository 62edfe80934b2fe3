"""A video file as a source: read whole, in order, with its own times."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import isfinite
from pathlib import Path
from time import monotonic_ns

import cv2
import numpy as np

from engines.geometry import Image
from realtime.capture import open_capture
from realtime.frame import Frame
from realtime.pace import Pace
from realtime.source import Source, SourceError

DEFAULT_FPS = 30.0  # of a file that does not say, or says nonsense
CUT_OFF = 0.9  # fewer frames than this part of what the header promises are worth a warning

log = logging.getLogger(__name__)


class Timeline:
    """Presentation times of a file moved onto the monotonic clock, always rising.

    A time that is missing, not finite or not later than the one before is replaced by one nominal
    period after it.
    """

    def __init__(self, start_ns: int, period_ns: int) -> None:
        self._start_ns = start_ns
        self._period_ns = period_ns
        self._first_ms: float | None = None
        self._last_ns = start_ns - period_ns

    def stamp(self, position_ms: float) -> int:
        """The next frame's capture time, ns; the first frame's is `start_ns`."""
        time_ns = self._last_ns + self._period_ns
        if isfinite(position_ms):
            if self._first_ms is None:
                self._first_ms = position_ms
            own = self._start_ns + round((position_ms - self._first_ms) * 1e6)
            time_ns = own if own > self._last_ns else time_ns
        self._last_ns = time_ns
        return time_ns


class VideoFile(Source):
    """Every frame of an open capture with an end; the capture is released by `close`.

    While a frame is worked on, the next one is decoded on a thread.
    """

    live = False

    def __init__(self, capture: cv2.VideoCapture, name: str, *, realtime: bool = False) -> None:
        """Read the first frame.

        Raises:
            SourceError: there is none.
        """
        self._capture = capture
        fps = capture.get(cv2.CAP_PROP_FPS)
        self.name = name
        self.fps = fps if isfinite(fps) and 0 < fps <= 1000 else None
        self.dropped = 0
        self._promised = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._timeline = Timeline(monotonic_ns(), round(1e9 / (self.fps or DEFAULT_FPS)))
        self._pace = Pace(on=realtime)
        self._closed = False
        self._reader = ThreadPoolExecutor(1, f"read {name}")
        self._first = self._read(0)
        if self._first is None:
            self.close()
            raise SourceError(f"{name}: a video without a readable frame; is it damaged?")
        height, width = self._first.image.shape[:2]
        self.size = (width, height)

    def __iter__(self) -> Iterator[Frame]:
        frame, self._first = self._first, None
        while frame is not None and not self._closed:
            reading = self._reader.submit(self._read, frame.index + 1)
            self._pace.wait(frame.time_ns)
            yield frame
            following = reading.result()
            if following is None:
                self._check_end(frame.index + 1)
            frame = following

    def close(self) -> None:
        self._closed = True
        self._reader.shutdown()  # a capture must not be released while it is read
        self._capture.release()

    def _read(self, index: int) -> Frame | None:
        if self._closed:
            return None
        ok, image = self._capture.read()
        if not ok:
            return None
        picture: Image = np.asarray(image, np.uint8)
        return Frame(picture, index, self._timeline.stamp(self._capture.get(cv2.CAP_PROP_POS_MSEC)))

    def _check_end(self, frames: int) -> None:
        if not self._closed and frames < CUT_OFF * self._promised:
            log.warning(
                "%s: ends after %d of the %.0f frames it promises; it may be cut off",
                self.name,
                frames,
                self._promised,
            )


def open_video(path: Path, *, realtime: bool = False) -> VideoFile:
    """Open a video file.

    Raises:
        SourceError: missing, empty, or not a video.
    """
    if not path.exists():
        raise SourceError(
            f"no file, folder or camera '{path}'; check the path, or ask `keycam cameras`"
        )
    if not path.is_file():
        raise SourceError(f"{path}: not a video file, a folder of pictures or a camera")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    if empty:
        raise SourceError(f"{path}: an empty file; was the copy or download complete?")
    capture = open_capture(str(path), cv2.CAP_FFMPEG)
    if capture is None:
        raise SourceError(
            f"{path}: not a video that can be decoded; is it really one, and complete?"
        )
    return VideoFile(capture, str(path), realtime=realtime)
