"""An output that writes the drawn pictures to a video file."""

import os
from math import floor
from pathlib import Path

import av
import cv2
import numpy as np

from engines.errors import DataError
from engines.geometry import Image
from realtime.capture import hush, open_capture
from realtime.frame import Frame

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
DEFAULT_FPS = 30.0
LONGEST_GAP_S = 10.0  # a longer pause of the source is shortened to one frame


class VideoSink:
    """Writes pictures to a constant-rate `.mp4` or `.avi` that plays at the speed of the capture.

    A picture is repeated where the source paused and left out where it ran faster than `fps`. The
    file has another name while it is written: under its own it is always complete. An existing
    file is replaced at the end.
    """

    def __init__(self, path: str | Path, *, fps: float | None = None, comment: str = "") -> None:
        """Check that `path` can be written; the first picture opens the file.

        Args:
            fps: of the file; None for 30.
            comment: what the file says about itself in its metadata; "" for nothing.

        Raises:
            DataError: another extension, or a folder that is not there or not writable.
        """
        self.path = Path(path)
        codec = CODECS.get(self.path.suffix.lower())
        if codec is None:
            raise DataError(f"{path}: a video is written as {' or '.join(CODECS)}; rename it so")
        folder = self.path.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK) or self.path.is_dir():
            raise DataError(f"{path}: cannot be written; name a file in a folder you may write to")
        self._codec = cv2.VideoWriter.fourcc(*codec)
        self._fps = fps or DEFAULT_FPS
        self._comment = comment
        stem, suffix = self.path.stem, self.path.suffix
        self._part = folder / f".{stem}.{os.getpid()}.part{suffix}"
        self._writer: cv2.VideoWriter | None = None
        self._last: Image = np.zeros((0, 0, 3), np.uint8)
        self._size = (0, 0)
        self._start_ns = 0
        self._written = 0

    def show(self, picture: Image, frame: Frame) -> None:
        """Write `picture` (H, W, 3) uint8 BGR as often as the file's rate asks for.

        Raises:
            DataError: the file cannot be written, or the picture's size has changed.
        """
        size = (picture.shape[1], picture.shape[0])
        if self._writer is None:
            self._writer = self._open(size)
            self._start_ns = frame.time_ns
        if size != self._size:
            raise DataError(f"{self.path}: a picture of {size} follows one of {self._size}")
        due = floor((frame.time_ns - self._start_ns) / 1e9 * self._fps + 0.5) + 1
        if due - self._written > LONGEST_GAP_S * self._fps:
            self._start_ns += round((due - self._written - 1) / self._fps * 1e9)
            due = self._written + 1
        while self._written < due:
            self._written += 1
            lasting = picture if self._written == due else self._last
            if self._writer.write(lasting) is False:  # None in OpenCV 4
                raise DataError(f"{self.path}: writing failed; is the disk full?")
        self._last = picture

    def close(self) -> None:
        """Finish the file and give it its name; without a picture there is none.

        Raises:
            DataError: what was written does not play, and was removed.
        """
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        if not _plays(self._part):
            self._part.unlink(missing_ok=True)
            raise DataError(f"{self.path}: could not be finished; is the disk full?")
        try:
            if self._comment:
                _say_in(self._part, self._comment)
            self._part.replace(self.path)
        except OSError as error:
            self._part.unlink(missing_ok=True)
            raise DataError(f"{self.path}: cannot be written ({error.strerror})") from error

    def _open(self, size: tuple[int, int]) -> cv2.VideoWriter:
        hush()
        self._size = size
        writer = cv2.VideoWriter(str(self._part), cv2.CAP_FFMPEG, self._codec, self._fps, size)
        if not writer.isOpened():
            writer.release()
            self._part.unlink(missing_ok=True)
            raise DataError(f"{self.path}: cannot be opened for {size} pixels; choose another name")
        return writer


def _say_in(path: Path, comment: str) -> None:
    """Write `comment` into a video's metadata; its packets are copied as they are.

    Raises:
        OSError: there is no room for the copy. The file is as it was.
    """
    fresh = path.with_stem(f"{path.stem}.said")
    try:
        with av.open(str(path)) as old, av.open(str(fresh), "w") as new:
            new.metadata["comment"] = comment
            own = old.streams.video[0]
            stream = new.add_stream_from_template(own)
            for packet in old.demux(own):
                if packet.dts is not None:
                    packet.stream = stream
                    new.mux(packet)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _plays(path: Path) -> bool:
    capture = open_capture(str(path), cv2.CAP_FFMPEG)
    if capture is None:
        return False
    ok, _ = capture.read()
    capture.release()
    return ok
