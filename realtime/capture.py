"""OpenCV's captures, opened without the chatter their libraries print."""

import os
from collections.abc import Sequence

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet; read at the first capture

import cv2
import cv2.utils.logging as cv2_logging


def hush() -> None:
    """Keep OpenCV from printing what our errors say; OPENCV_LOG_LEVEL, if set, is respected."""
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2_logging.setLogLevel(cv2_logging.LOG_LEVEL_SILENT)


def open_capture(
    target: str | int, backend: int, params: Sequence[int] = ()
) -> cv2.VideoCapture | None:
    """An open capture, or None if the backend cannot open `target` with `params`.

    Args:
        params: property, value, property, value …; all set in the one call that opens, because
            some backends reopen the device for each.
    """
    hush()
    try:
        if isinstance(target, int):
            capture = cv2.VideoCapture(target, backend, params)
        else:
            capture = cv2.VideoCapture(target, backend, params)
    except cv2.error:
        return None
    if capture.isOpened():
        return capture
    capture.release()
    return None
