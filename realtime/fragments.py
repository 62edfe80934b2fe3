"""The fragments of an MP4 file such as `realtime.film` writes: how many frames, and when.

A fragmented file is a header and then pairs of a table (`moof`) and the data it describes
(`mdat`), each complete in itself, so a file that was cut off is good up to its last whole pair.
The pictures are not looked at. Nothing is believed that could cost memory or time: tables are
small, and a fragment has no more frames than bytes of data. Boxes are those of ISO/IEC 14496-12.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from engines.errors import DataError

MAX_TABLE_BYTES = 1 << 20  # of a moov or moof box
MAX_FRAMES = 1 << 16  # of a fragment
MAX_BOXES = 1000  # between two fragments, and in a table

_FIRST_FLAGS = 0x4  # a trun box says of its first frame
_TFHD_SKIPS = ((0x1, 8), (0x2, 4))  # before the default duration: flag, bytes
_DURATION = 0x8  # tfhd: there is a default duration
_DATA_OFFSET, _OWN_DURATION = 0x1, 0x100
_OWN = (_OWN_DURATION, 0x200, 0x400, 0x800)  # trun: what each frame has, four bytes each
_SHIFT = 0x800  # trun: presentation differs from decoding; we never write that


@dataclass(frozen=True)
class Fragment:
    """One fragment.

    Attributes:
        times: presentation of its frames, ticks.
        end: bytes of the file up to its end.
    """

    times: tuple[int, ...]
    end: int


class Fragments:
    """The whole fragments of an open file; iterate once.

    Attributes:
        timescale: ticks per second; 0 if not even the header is there.
        end: bytes up to the last whole fragment read so far, the header counted.
        cut_off: whether the file ended in the middle of something.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Read the header.

        Raises:
            DataError: the file is something else.
        """
        self._file = file
        self._size = file.seek(0, 2)
        self._at = 0
        self.timescale = self.end = 0
        self.cut_off = False
        file.seek(0)
        if not b"ftyp".startswith(file.read(8)[4:]):
            raise DataError("not a video that keycam wrote: another kind of file")
        for _ in range(MAX_BOXES):
            if (box := self._next()) is None:
                self.cut_off |= self._at > 0
                return
            kind, body, length = box
            if kind == b"moov":
                self.timescale = _timescale(self._load(body, length))
                self.end = self._at
                return
            if kind not in (b"ftyp", b"free", b"skip"):
                break
        raise DataError("not a video that keycam wrote: no header at its beginning")

    def __iter__(self) -> Iterator[Fragment]:
        """Yield the fragments in order.

        Raises:
            DataError: a fragment is not what it should be.
        """
        table: tuple[int, ...] | None = None
        boxes = 0
        while self.timescale and (box := self._next()) is not None:
            kind, body, length = box
            boxes += 1
            if kind == b"moof":
                table, boxes = _times(self._load(body, length)), 0
            elif kind == b"mdat" and table is not None:
                if len(table) > length:
                    raise DataError("not a video that keycam wrote: more frames than data")
                self.end = self._at
                yield Fragment(table, self._at)
                table = None
            elif boxes > MAX_BOXES:
                raise DataError("not a video that keycam wrote: boxes without end")
        self.cut_off |= table is not None

    def _next(self) -> tuple[bytes, int, int] | None:
        """Kind, place and length of the next whole box's body; None at the end."""
        start = self._at
        self._file.seek(start)
        head = self._file.read(16)
        if len(head) < 8:
            self.cut_off |= len(head) > 0
            return None
        length, kind = struct.unpack(">I4s", head[:8])
        used = 8
        if length == 1 and len(head) == 16:
            length, used = struct.unpack(">Q", head[8:])[0], 16
        if length < used and head[:8] != bytes(8):
            raise DataError("not a video that keycam wrote: a box shorter than its own head")
        if length < used or start + length > self._size:
            self.cut_off = True
            return None
        self._at = start + length
        return kind, start + used, length - used

    def _load(self, body: int, length: int) -> bytes:
        if length > MAX_TABLE_BYTES:
            raise DataError(f"not a video that keycam wrote: a table of {length} bytes")
        self._file.seek(body)
        return self._file.read(length)


def _timescale(moov: bytes) -> int:
    """Ticks per second of the only track of a moov box."""
    (track,) = _children(moov, b"trak", 1)
    (media,) = _children(track, b"mdia", 1)
    (header,) = _children(media, b"mdhd", 1)
    at = 20 if header[:1] == b"\1" else 12
    return max(_number(header, at), 1)


def _times(moof: bytes) -> tuple[int, ...]:
    """Ticks of the frames of a moof box, in order."""
    (track,) = _children(moof, b"traf", 1)
    (head,) = _children(track, b"tfhd", 1)
    (start,) = _children(track, b"tfdt", 1)
    time = _number(start, 4, wide=start[:1] == b"\1")
    flags, at = _number(head, 0), 8
    at += sum(skip for flag, skip in _TFHD_SKIPS if flags & flag)
    default = _number(head, at) if flags & _DURATION else 0
    times: list[int] = []
    for run in _children(track, b"trun", None):
        for duration in _durations(run, default, MAX_FRAMES - len(times)):
            times.append(time)
            time += duration
    return tuple(times)


def _durations(run: bytes, default: int, most: int) -> Iterator[int]:
    """Ticks that each frame of a trun box lasts; `default` where it does not say."""
    flags, frames = _number(run, 0) & 0xFFFFFF, _number(run, 4)
    if flags & _SHIFT or frames > most:
        raise DataError("not a video that keycam wrote: frames out of order, or too many")
    at = 8 + (4 if flags & _DATA_OFFSET else 0) + (4 if flags & _FIRST_FLAGS else 0)
    step = 4 * sum(bool(flags & own) for own in _OWN)
    for i in range(frames):
        yield _number(run, at + i * step) if flags & _OWN_DURATION else default


def _children(table: bytes, kind: bytes, due: int | None) -> list[bytes]:
    """The bodies of the boxes of one kind in a table; `due` of them."""
    found, at = [], 0
    for _ in range(MAX_BOXES):
        if at + 8 > len(table):
            break
        length = max(_number(table, at), 8)
        if table[at + 4 : at + 8] == kind:
            found.append(table[at + 8 : at + length])
        at += length
    if due is not None and len(found) != due:
        raise DataError(f"not a video that keycam wrote: {len(found)} boxes '{kind.decode()}'")
    return found


def _number(data: bytes, at: int, *, wide: bool = False) -> int:
    """The big-endian number at a place."""
    part = data[at : at + (8 if wide else 4)]
    if len(part) < (8 if wide else 4):
        raise DataError("not a video that keycam wrote: a table that ends too early")
    return int.from_bytes(part)
