"""Reading a picture that somebody chose, whatever kind it is: into 8 bits, BGR, no transparency."""

import logging
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.geometry import Image
from realtime.capture import hush

LEAST_PX = 64  # of a side
MOST_PIXELS = 100_000_000
MOST_BYTES = 256 << 20
GROUND = 128  # grey on which what is transparent is laid
KINDS = "bmp_pipe,jpeg_pipe,png_pipe,tiff_pipe,webp_pipe"
UNREADABLE = "not a readable picture; save it again as .png or .jpg"

log = logging.getLogger(__name__)


def read_chosen(path: Path) -> Image:
    """(H, W, 3) uint8 BGR, upright as its EXIF data says; what had to be changed is said.

    Transparent parts are laid on grey, 16 bits a channel become 8, grey becomes BGR.

    Raises:
        DataError: no such file, not a picture, or one that is too small or too large.
    """
    if path.is_dir():
        raise DataError(f"{path}: a folder; name one picture in it")
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if not 0 < data.size <= MOST_BYTES:
        raise DataError(f"{path}: empty or too large for a picture; choose another")
    _check_size(data, path)
    raw = _decode(data, cv2.IMREAD_UNCHANGED)
    upright = _decode(data, cv2.IMREAD_COLOR)
    if raw is None or upright is None:
        raise DataError(f"{path}: {UNREADABLE}")
    if raw.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        raise DataError(f"{path}: a picture of {raw.dtype}; save it with 8 or 16 bits a channel")
    if raw.dtype == np.uint16:
        log.info("%s: 16 bits a channel, of which 8 are used", path)
    if raw.ndim == 2:
        log.info("%s: a grey picture, re-posed in grey", path)
    elif raw.shape[2] == 4:
        return _on_ground(raw, path)
    return np.asarray(upright, np.uint8)


def _check_size(data: NDArray[np.uint8], path: Path) -> None:
    """
    Raises:
        DataError: its header says so already, before anything of that size is decoded; or it is
            of none of KINDS: a playlist, say, would make its reader open other files.
    """
    try:
        with av.open(BytesIO(data.tobytes()), options={"format_whitelist": KINDS}) as file:
            width, height = file.streams.video[0].width, file.streams.video[0].height
    except (av.FFmpegError, IndexError, OSError, ValueError) as error:
        raise DataError(f"{path}: {UNREADABLE}") from error
    if not width * height:
        raise DataError(f"{path}: {UNREADABLE}")
    if min(width, height) < LEAST_PX:
        raise DataError(
            f"{path}: only {width} x {height} pixels; a reference has {LEAST_PX} or more a side"
        )
    if width * height > MOST_PIXELS:
        raise DataError(f"{path}: {width} x {height} pixels are too many; make it smaller first")


def _decode(data: NDArray[np.uint8], flags: int) -> NDArray[np.generic] | None:
    hush()
    try:
        return cv2.imdecode(data, flags)
    except cv2.error:
        return None


def _on_ground(raw: NDArray[np.generic], path: Path) -> Image:
    """`raw` (H, W, 4) BGRA of whole numbers, laid on grey."""
    most = 255 if raw.dtype == np.uint8 else 65535
    share = raw.astype(np.float32) / most
    alpha = share[..., 3:]
    if alpha.min() < 1:
        log.info("%s: its transparent parts are laid on grey", path)
    return np.asarray(np.rint(share[..., :3] * alpha * 255 + GROUND * (1 - alpha)), np.uint8)
