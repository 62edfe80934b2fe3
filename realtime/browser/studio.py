"""The thread that makes messages of frames: the loop hands a frame over and goes on.

Every pose is packed. Of the pictures only the newest is encoded, once for each size and quality
that some page wants of it; frames that come meanwhile get none.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Condition, Thread

import cv2

from engines.geometry import Image
from realtime.browser.message import picture_message, pose_message
from realtime.browser.viewer import Quality, Viewer
from realtime.frame import Frame, Pose

WAITING = 32  # frames whose poses may wait
JOIN_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Shot:
    """One frame as it is handed to the page."""

    sequence: int
    frame: Frame
    pose: Pose
    age_ms: float


class Studio:
    """Packs and encodes for the viewers that `viewers` returns, then calls `wake` with each."""

    def __init__(
        self,
        viewers: Callable[[], Iterable[Viewer]],
        wake: Callable[[Viewer], None],
        *,
        pictures: Callable[[], bool] = lambda: True,
    ) -> None:
        """
        Args:
            viewers, wake, pictures: called on the thread made here.
            pictures: whether pictures are of use at present.
        """
        self._viewers = viewers
        self._wake = wake
        self._pictures = pictures
        self._shots: deque[Shot] = deque(maxlen=WAITING)
        self._changed = Condition()
        self._closed = False
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, name="encode for the page", daemon=True)
        self._thread.start()

    def put(self, shot: Shot) -> None:
        """Costs microseconds.

        Raises:
            Exception: what ended the thread.
        """
        if self._error is not None:
            raise self._error
        with self._changed:
            self._shots.append(shot)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        try:
            while shots := self._next():
                self._publish(shots)
        except Exception as error:  # noqa: BLE001 (raised again by the owner)
            self._error = error

    def _next(self) -> list[Shot]:
        with self._changed:
            self._changed.wait_for(lambda: self._shots or self._closed)
            shots = [] if self._closed else list(self._shots)
            self._shots.clear()
            return shots

    def _publish(self, shots: list[Shot]) -> None:
        viewers = list(self._viewers())
        for shot in shots:
            message = pose_message(shot.frame, shot.pose, shot.sequence, shot.age_ms)
            for viewer in viewers:
                viewer.put_pose(shot.sequence, message)
        for viewer in viewers:
            self._wake(viewer)
        if self._pictures():
            self._publish_picture(shots[-1], viewers)

    def _publish_picture(self, shot: Shot, viewers: list[Viewer]) -> None:
        wanted: dict[Quality, list[Viewer]] = {}
        for viewer in viewers:
            quality = viewer.quality(max(shot.frame.image.shape[:2]))
            if quality is not None:
                wanted.setdefault(quality, []).append(viewer)
        for quality, own in wanted.items():
            message = picture_message(jpeg(shot.frame.image, quality), shot.sequence)
            for viewer in own:
                viewer.put_picture(shot.sequence, message)
                self._wake(viewer)


def jpeg(image: Image, quality: Quality) -> bytes:
    """A JPEG file of `image` (H, W, 3) uint8 BGR, its longer side as `quality` says at most."""
    height, width = image.shape[:2]
    scale = min(quality.side / max(height, width), 1)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    shown = image if scale == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    good, data = cv2.imencode(".jpg", shown, (cv2.IMWRITE_JPEG_QUALITY, quality.jpeg))
    assert good  # of a picture in memory
    return data.tobytes()
