"""Pictures on demand: what is shown, and the frame beneath it, as PNG files."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import cv2

from engines.errors import DataError
from engines.geometry import Image
from realtime.controls import Controls, Value
from realtime.filename import by_time
from realtime.frame import Frame, Pose
from realtime.timing import Timings

ENDINGS = (".png", "-frame.png")  # as shown, as it came
WAITING = 8  # that are being written; more are refused

log = logging.getLogger(__name__)


class Snapshots:
    """Writes snapshots to `folder`; a thread of its own compresses them, so the loop goes on.

    It is a sink so that it is closed with the loop: then all are written.
    """

    def __init__(
        self, folder: Path, pictures: Callable[[], tuple[Image, Image] | None], controls: Controls
    ) -> None:
        """
        Args:
            pictures: the picture as it is shown and the frame as it came, as they are now.
        """
        self._folder = folder
        self._pictures = pictures
        self._controls = controls
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshot")
        self._writing: list[Future[None]] = []

    def snap(self, frame: Frame, value: Value) -> None:  # noqa: ARG002 (a handler)
        """Write one; the user is told its name, or why there is none."""
        self._writing = [one for one in self._writing if not one.done()]
        if len(self._writing) == WAITING:
            self._controls.say("snapshots are still being written")
        elif (pictures := self._pictures()) is not None:
            self._writing.append(self._thread.submit(self._write, pictures))

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        pass

    def close(self) -> None:
        self._thread.shutdown()

    def _write(self, pictures: tuple[Image, Image]) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            paths = by_time(self._folder, *ENDINGS)
            for path, picture in zip(paths, pictures, strict=True):
                write_png(path, picture)
        except (OSError, DataError) as error:
            reason = getattr(error, "strerror", None) or error
            log.error("no snapshot in %s (%s)", self._folder, reason)
            self._controls.say(f"no snapshot: {reason}")
            return
        log.info("snapshot %s", paths[0])
        self._controls.say(f"snapshot {paths[0].name}")


def write_png(path: Path, picture: Image) -> None:
    """Write `picture` (H, W, 3) uint8 BGR; the file is there whole or not at all.

    Raises:
        DataError: it cannot be encoded.
        OSError: it cannot be written.
    """
    good, coded = cv2.imencode(".png", picture)
    if not good:
        raise DataError(f"{path}: a picture of shape {picture.shape} makes no PNG")
    part = path.with_name(f".{path.name}.new")
    try:
        part.write_bytes(coded.tobytes())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
