"""What a camera of Linux can do and is told, asked of the kernel (Video for Linux 2).

The structures are those of <linux/videodev2.h>, in the machine's own byte order.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

CAPTURE, CAPTURE_PLANES = 1, 9  # types of buffers
GAIN, AUTO_EXPOSURE, EXPOSURE = 0x980913, 0x9A0901, 0x9A0902  # controls
MANUAL, APERTURE_PRIORITY = 1, 3  # values of AUTO_EXPOSURE; the second is a webcam's "auto"

_CAPABILITY, _FORMAT, _SIZE, _INTERVAL, _SET, _GET = (
    *(0x80685600, 0xC0405602, 0xC02C564A),
    *(0xC034564B, 0xC008561C, 0xC008561B),
)
_CAN_CAPTURE, _CAN_CAPTURE_PLANES, _HAS_DEVICE_CAPS = 0x1, 0x1000, 0x80000000
_DISCRETE = 1
_MOST = 64  # answers of one kind; a driver that gives more is broken


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One way in which a camera can send its pictures.

    Attributes:
        pixels: how, as in "MJPG".
        size: (width, height), pixels; of a camera that takes any size the largest.
        fps: rates, highest first; of a camera that takes any rate the two ends. Empty if unknown.
        least: the smallest size, of a camera that takes any.
    """

    pixels: str
    size: tuple[int, int]
    fps: tuple[float, ...] = ()
    least: tuple[int, int] | None = None


def captures(device: Path) -> bool:
    """Whether the device gives pictures; others carry only metadata.

    Raises:
        OSError: it cannot be asked.
    """
    return _buffers(device) is not None


def modes(device: Path) -> list[Mode]:
    """Every mode of a camera; none where it cannot be asked, or does not tell."""
    try:
        kind = _buffers(device)
        if kind is None:
            return []
        with _opened(device) as file:
            return [mode for code in _formats(file, kind) for mode in _sizes(file, code)]
    except OSError:
        return []


def set_control(device: Path, control: int, value: int) -> int:
    """Set one of the controls above; what the driver made of it.

    Raises:
        OSError: the camera has no such control, or does not take the value.
    """
    with _opened(device) as file:
        _ask(file, _SET, struct.pack("=Ii", control, value))
    return get_control(device, control)


def get_control(device: Path, control: int) -> int:
    """
    Raises:
        OSError: the camera has no such control.
    """
    with _opened(device) as file:
        value: int = struct.unpack("=Ii", _ask(file, _GET, struct.pack("=Ii", control, 0)))[1]
    return value


def _buffers(device: Path) -> int | None:
    """The type of buffers pictures come in; None if none come."""
    with _opened(device) as file:
        everything, own = struct.unpack_from("=II", _ask(file, _CAPABILITY, bytes(104)), 84)
    can = own if everything & _HAS_DEVICE_CAPS else everything
    if can & _CAN_CAPTURE:
        return CAPTURE
    return CAPTURE_PLANES if can & _CAN_CAPTURE_PLANES else None


def _formats(file: int, kind: int) -> Iterator[int]:
    for answer in _every(file, _FORMAT, 64, struct.pack("=I", kind)):
        yield struct.unpack_from("=I", answer, 44)[0]


def _sizes(file: int, code: int) -> Iterator[Mode]:
    pixels = code.to_bytes(4, "little").decode("latin-1").strip()
    for answer in _every(file, _SIZE, 44, struct.pack("=I", code)):
        kind, *sides = struct.unpack_from("=I6I", answer, 8)
        if kind == _DISCRETE:
            size, least = (sides[0], sides[1]), None
        else:
            size, least = (sides[1], sides[4]), (sides[0], sides[3])
        yield Mode(pixels=pixels, size=size, fps=_rates(file, code, size), least=least)


def _rates(file: int, code: int, size: tuple[int, int]) -> tuple[float, ...]:
    rates: list[float] = []
    for answer in _every(file, _INTERVAL, 52, struct.pack("=III", code, *size)):
        kind, *parts = struct.unpack_from("=I6I", answer, 16)
        periods = [parts[:2]] if kind == _DISCRETE else [parts[:2], parts[2:4]]
        rates += [round(below / above, 3) for above, below in periods if above]
    return tuple(sorted(set(rates), reverse=True))


def _every(file: int, request: int, size: int, what: bytes) -> Iterator[bytes]:
    """The answers for index 0, 1 … until the driver has no more."""
    for index in islice(count(), _MOST):
        question = struct.pack("=I", index) + what
        try:
            yield _ask(file, request, question.ljust(size, b"\0"))
        except OSError:
            return


def _ask(file: int, request: int, question: bytes) -> bytes:
    import fcntl  # there is none on Windows

    answer = bytearray(question)
    fcntl.ioctl(file, request, answer)
    return bytes(answer)


@contextmanager
def _opened(device: Path) -> Iterator[int]:
    file = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield file
    finally:
        os.close(file)
