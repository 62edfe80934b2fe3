"""The overlay as a virtual camera, for other programs to choose as theirs.

By pyvirtualcam, whose licence is GPL 2: v4l2loopback on Linux, OBS elsewhere.
"""

import logging
import sys

import cv2
import numpy as np

from engines.errors import DataError
from engines.geometry import Image
from realtime.frame import Frame
from realtime.stream.address import Address
from realtime.stream.sender import Sender

DEFAULT_FPS = 30.0

log = logging.getLogger(__name__)


class VirtualCamera:
    """Shows pictures on a virtual camera, the newest first; a thread feeds it."""

    def __init__(self, address: Address, size: tuple[int, int], fps: float | None) -> None:
        """
        Args:
            size: (width, height) of the camera; other pictures are stretched to it.
            fps: nominal rate; None for 30.

        Raises:
            DataError: there is no such device.
            ModuleNotFoundError: pyvirtualcam is not installed.
        """
        import pyvirtualcam

        width, height = size
        device = address.name or None
        pixels = pyvirtualcam.PixelFormat.BGR
        try:
            self._camera = pyvirtualcam.Camera(
                width, height, fps or DEFAULT_FPS, fmt=pixels, device=device
            )
        except (RuntimeError, OSError, ValueError) as error:
            linux = sys.platform.startswith("linux")
            remedy = "sudo modprobe v4l2loopback makes one" if linux else "OBS brings one"
            reason = " ".join(str(error).split())[:80]
            raise DataError(f"no virtual camera for --to {address} ({reason}); {remedy}") from error
        self._size = size
        name = f"vcam:{self._camera.device}"
        self._sender: Sender[Image] = Sender(name, self._send, self._camera.close, keep=1)
        log.info("other programs see the camera %s", self._camera.device)

    def show(self, picture: Image, frame: Frame) -> None:  # noqa: ARG002
        self._sender.put(picture)

    def close(self) -> None:
        self._sender.close()

    def _send(self, picture: Image) -> None:
        if picture.shape[1::-1] != self._size:
            picture = np.asarray(cv2.resize(picture, self._size), np.uint8)
        try:
            self._camera.send(picture)
        except RuntimeError as error:
            raise OSError(str(error)) from error
