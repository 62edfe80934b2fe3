"""Cameras and network streams: a thread drains them, the loop gets the newest frame."""

import logging
import re
import sys
from collections.abc import Iterator
from threading import Event, Thread
from time import monotonic_ns

import cv2
import numpy as np

from realtime.cameras import Camera
from realtime.capture import open_capture
from realtime.frame import Frame
from realtime.mailbox import Mailbox
from realtime.source import Source, SourceError
from realtime.video import VideoFile

FIRST_FRAME_S = 15.0  # to wait for the first frame; some cameras take many seconds to wake
STALL_S = 5.0  # without a frame before a source counts as dead
JOIN_S = 5.0  # to wait for a grab thread that sits in a read
_NETWORK = (
    *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 10_000),
    *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, 4_000),
)
_BACKENDS = {
    "linux": (cv2.CAP_V4L2,),
    "darwin": (cv2.CAP_AVFOUNDATION,),
    "win32": (cv2.CAP_DSHOW, cv2.CAP_MSMF),
}

log = logging.getLogger(__name__)


class Live(Source):
    """Frames of an open capture without an end, newest first; a thread owns and releases it.

    Frames are stamped when the capture hands them over, before they are decoded.
    """

    live = True

    def __init__(
        self,
        capture: cv2.VideoCapture,
        name: str,
        *,
        camera: Camera | None = None,
        first_s: float = FIRST_FRAME_S,
    ) -> None:
        """Wait for the first frame.

        Raises:
            SourceError: none comes within `first_s` seconds.
        """
        fps = capture.get(cv2.CAP_PROP_FPS)
        self.name = name
        self.fps = fps if 0 < fps <= 1000 else None
        pixels = _fourcc(capture)
        self.dropped = 0
        self._mailbox = Mailbox()
        self._stop = Event()
        self._thread = Thread(target=self._grab, args=(capture,), name=f"grab {name}", daemon=True)
        self._thread.start()
        try:
            image = self._mailbox.wait(first_s)
        except TimeoutError:
            self.close()
            raise SourceError(f"{name} opened but gave no frame for {first_s:g} s") from None
        except BaseException:
            self.close()
            raise
        assert image is not None  # nobody else could have closed it
        self.size = (image.shape[1], image.shape[0])
        if camera is not None:
            mode = {"size": list(self.size), "fps": self.fps, "pixels": pixels}
            self.camera = {
                "id": camera.id,
                "name": camera.name,
                "index": camera.index,
                "mode": mode,
            }

    @property
    def captured(self) -> int:
        """Frames the thread got from the capture: those yielded, plus `dropped` after `close`."""
        return self._mailbox.captured

    def __iter__(self) -> Iterator[Frame]:
        while True:
            try:
                frame = self._mailbox.take(STALL_S)
            except TimeoutError:
                raise SourceError(
                    f"{self.name} gave no frame for {STALL_S:g} s; is it still connected?"
                ) from None
            if frame is None:
                return
            self.dropped = self._mailbox.dropped
            yield frame

    def close(self) -> None:
        self._stop.set()
        self._mailbox.close()
        self.dropped = self._mailbox.dropped
        self._thread.join(JOIN_S)
        if self._thread.is_alive():
            log.warning("%s does not answer; it is left to itself", self.name)

    def _grab(self, capture: cv2.VideoCapture) -> None:
        try:
            while not self._stop.is_set():
                grabbed = capture.grab()
                time_ns = monotonic_ns()
                ok, image = capture.retrieve() if grabbed else (False, None)
                if not ok or image is None or not image.size:
                    raise SourceError(f"{self.name} stopped giving frames; was it unplugged?")
                self._mailbox.put(np.asarray(image, np.uint8), time_ns)
        except Exception as error:  # noqa: BLE001 (raised again by the owner)
            self._mailbox.fail(error)
        finally:
            capture.release()


def open_camera(camera: Camera) -> Live:
    """Open a camera by its device.

    Raises:
        SourceError: it is not there, in use, or gives no frame.
    """
    for backend in _BACKENDS.get(sys.platform, (cv2.CAP_ANY,)):
        capture = open_capture(camera.device, backend)
        if capture is not None:
            return Live(capture, camera.name, camera=camera)
    raise SourceError(
        f"no camera at {camera.device} ({camera.name}), or another program uses it; "
        "`keycam cameras` lists what is there"
    )


def open_stream(address: str, *, realtime: bool = False) -> Source:
    """Open a network address: a stream live, a video that has an end read whole as a file.

    Raises:
        SourceError: nothing answers there, or it is not video.
    """
    name = re.sub(r"//[^/@]*@", "//", address)
    capture = open_capture(address, cv2.CAP_FFMPEG, _NETWORK)
    if capture is None:
        raise SourceError(f"{name}: no video there; check the address and that it is being sent")
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        return VideoFile(capture, name, realtime=realtime)
    return Live(capture, name)


def _fourcc(capture: cv2.VideoCapture) -> str | None:
    """How the camera sends its pixels, as in "MJPG"; None if it does not tell."""
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    text = (code & 0xFFFFFFFF).to_bytes(4, "little").decode("latin-1").strip()
    return text if text.isalnum() else None
