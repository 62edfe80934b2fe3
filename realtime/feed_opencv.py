"""Cameras and streams read by OpenCV."""

import sys
from collections.abc import Mapping
from time import monotonic_ns

import cv2
import numpy as np

from engines.geometry import Image
from realtime import v4l2
from realtime.camera_settings import CameraSettings
from realtime.cameras import Camera, absence, four_letters
from realtime.capture import open_capture
from realtime.feed import OPEN_S, READ_S, stamp
from realtime.source import SourceError

_NETWORK = (
    *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(OPEN_S * 1e3)),
    *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(READ_S * 1e3)),
)
_BACKENDS = {
    "linux": (cv2.CAP_V4L2,),
    "darwin": (cv2.CAP_AVFOUNDATION,),
    "win32": (cv2.CAP_DSHOW, cv2.CAP_MSMF),
}
_LEVELS = {"exposure": cv2.CAP_PROP_EXPOSURE, "gain": cv2.CAP_PROP_GAIN}


class OpencvFeed:
    """An open capture."""

    def __init__(
        self,
        capture: cv2.VideoCapture,
        name: str,
        asked: Mapping[str, object] | None = None,
        *,
        own_clock: bool = False,
    ) -> None:
        """
        Args:
            asked: settings whose outcome is to be in `got`.
            own_clock: whether the capture's position is the kernel's time of the capture, as
                with Video for Linux.
        """
        fps = capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps <= 1000 else None
        self.pixels = four_letters(int(capture.get(cv2.CAP_PROP_FOURCC)))
        self.got = {own: capture.get(_LEVELS[own]) for own in _LEVELS if own in (asked or {})}
        self.ends = capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        self._capture = capture
        self._name = name
        self._own_clock = own_clock

    def read(self) -> tuple[Image, int]:
        try:
            grabbed, now_ns = self._capture.grab(), monotonic_ns()
            own_ns = self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6 if self._own_clock else None
            ok, image = self._capture.retrieve() if grabbed else (False, None)
        except cv2.error as error:
            raise SourceError(f"{self._name} cannot be read: {error.err or error}") from error
        if not ok or image is None or not image.size:
            raise SourceError(f"{self._name} stopped giving frames; was it unplugged?")
        return np.asarray(image, np.uint8), stamp(own_ns, now_ns)

    def release(self) -> None:
        self._capture.release()


def open_camera(camera: Camera, settings: CameraSettings) -> OpencvFeed:
    """Open a camera with all settings in the one call.

    Raises:
        SourceError: it is not there, in use, or cannot do what is asked.
    """
    asked = settings.asked()
    params = camera_params(asked, sys.platform)
    flat = [number for option in params.values() for number in option]
    backends = _BACKENDS.get(sys.platform, (cv2.CAP_ANY,))
    for backend in backends:
        capture = open_capture(camera.device, backend, flat)
        if capture is not None:
            own_clock = backend == cv2.CAP_V4L2
            return OpencvFeed(capture, camera.name, asked, own_clock=own_clock)
    for backend in backends if flat else ():
        capture = open_capture(camera.device, backend)
        if capture is not None:
            raise SourceError(_refusal(camera, capture, params, asked))
    raise SourceError(absence(camera))


def open_address(address: str, name: str) -> OpencvFeed:
    """
    Raises:
        SourceError: nothing answers there, or it is not video.
    """
    capture = open_capture(address, cv2.CAP_FFMPEG, _NETWORK)
    if capture is None:
        raise SourceError(f"{name}: no video there; check the address and that it is being sent")
    return OpencvFeed(capture, name)


def camera_params(asked: Mapping[str, object], platform: str) -> dict[str, list[int]]:
    """OpenCV's properties and values for each setting, in the order in which drivers want them.

    Pixels come first, because they decide which sizes there are, and the rate after the size.
    """
    made: dict[str, list[int]] = {}
    if pixels := asked.get("pixels"):
        made["pixels"] = [cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*str(pixels))]
    if size := asked.get("size"):
        assert isinstance(size, list)
        width, height = size
        made["size"] = [cv2.CAP_PROP_FRAME_WIDTH, width, cv2.CAP_PROP_FRAME_HEIGHT, height]
    if (fps := asked.get("fps")) is not None:
        assert isinstance(fps, int | float)
        made["fps"] = [cv2.CAP_PROP_FPS, round(fps)]
    if (exposure := asked.get("exposure")) is not None:
        made["exposure"] = _exposure(exposure, platform)
    if (gain := asked.get("gain")) is not None:
        assert isinstance(gain, int)
        made["gain"] = [cv2.CAP_PROP_GAIN, gain]
    return made


def _exposure(exposure: object, platform: str) -> list[int]:
    auto, manual = (1, 0)
    if platform == "linux":
        auto, manual = v4l2.APERTURE_PRIORITY, v4l2.MANUAL
    if not isinstance(exposure, int):
        return [cv2.CAP_PROP_AUTO_EXPOSURE, auto]
    by_hand = [cv2.CAP_PROP_EXPOSURE, exposure]
    # DirectShow leaves automatic exposure when it is given a value, and refuses to be told so
    return by_hand if platform == "win32" else [cv2.CAP_PROP_AUTO_EXPOSURE, manual, *by_hand]


def _refusal(
    camera: Camera,
    capture: cv2.VideoCapture,
    params: Mapping[str, list[int]],
    asked: Mapping[str, object],
) -> str:
    """Which of the settings an open camera does not take; it is released."""
    refused = []
    for name, value in asked.items():
        taken = [
            capture.set(key, float(own)) for key, own in zip(*[iter(params[name])] * 2, strict=True)
        ]
        if not all(taken):
            said = "x".join(map(str, value)) if isinstance(value, list) else value
            refused.append(f"--{name} {said}")
    capture.release()
    what = " and ".join(refused) or "these settings together"
    return f"{camera.name} does not take {what}; leave it out, or see `keycam cameras`"
