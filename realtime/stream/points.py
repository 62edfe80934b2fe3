"""Poses in a few hundred bytes: the WebSocket subprotocol `keycam.points.1`.

A client that asks for this subprotocol gets these messages instead of `realtime.stream.message`'s.
Only keypoints cross: nothing of the picture, nor what the source is called.

The **hello**, first and as JSON text: "schema" (the subprotocol's name), "stream" (a random number
that tells one sender's numbering from another's), "fps" (or null), "size" ([width, height] of the
frames, pixels), and "skeleton" as in `session.json`.

A **pose** is binary, little-endian:

    u8   state: 0 search, 1 track, 2 coast
    u8   1 if a pose follows, else 0
    u32  number of the message, from 0, without holes where it is sent: what is missing was lost
    u64  capture time of the frame, nanoseconds of the sender's monotonic clock
    f32  left, f32 top, f32 side: a square round the points, frame pixels; only with a pose
    u32  for each keypoint: x (12 bits, from the left: 0 to 4095 across the square), y (12 bits),
         confidence (8 bits, 0 to 255); the lowest bits are x

68 points are 298 bytes, 72 kbit/s at 30 poses a second. A point moves by half a step at most:
the square's side / 8190. Of several subjects the first is sent.
"""

import json
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self

import numpy as np

from engines.errors import DataError
from engines.geometry import Points
from engines.skeleton import Skeleton
from realtime.facts import MAX_FPS, MAX_SIDE
from realtime.frame import State
from realtime.record import LARGEST, MOST, Record, check_keys, parse, whole
from realtime.stream.message import Hello

PROTOCOL = "keycam.points.1"
MOST_BYTES = 1 << 16  # of a message, either kind
STATES = (State.SEARCH, State.TRACK, State.COAST)
STEPS = (1 << 12) - 1  # across the square
_HEAD = struct.Struct("<BBIQ")
_SQUARE = struct.Struct("<fff")
_HELLO = frozenset({"schema", "stream", "fps", "size", "skeleton"})


@dataclass(frozen=True, eq=False, kw_only=True)
class Packet:
    """One pose message.

    Attributes:
        number: of the message.
        time_ns: capture, the sender's monotonic clock.
        keypoints_px: (K, 2) float32 frame pixels; None if nothing was found.
        confidence: (K,) float32 in [0, 1]; None if nothing was found.
    """

    number: int
    time_ns: int
    state: State
    keypoints_px: Points | None = None
    confidence: Points | None = None

    @classmethod
    def of(cls, record: Record, number: int) -> Self:
        """What is sent of a record: its first subject, if all of its points are known."""
        points = confidence = None
        if record.subjects:
            first = record.subjects[0]
            if np.isfinite(first.keypoints_px).all() and np.isfinite(first.confidence).all():
                points, confidence = first.keypoints_px, first.confidence
        return cls(
            number=number % (1 << 32),
            time_ns=record.time_ns,
            state=record.state,
            keypoints_px=points,
            confidence=confidence,
        )

    def to_bytes(self) -> bytes:
        there = self.keypoints_px is not None
        head = _HEAD.pack(STATES.index(self.state), there, self.number, self.time_ns)
        if self.keypoints_px is None or self.confidence is None:
            return head
        corner = self.keypoints_px.min(axis=0)
        side = max(float(np.ptp(self.keypoints_px, axis=0).max()), 1e-3)
        steps = np.rint((self.keypoints_px - corner) / side * STEPS).astype(np.uint32)
        sure = np.rint(np.clip(self.confidence, 0, 1) * 255).astype(np.uint32)
        words = np.minimum(steps, STEPS) @ np.array([1, 1 << 12], np.uint32) | sure << 24
        square = _SQUARE.pack(*corner.tolist(), side)
        return b"".join([head, square, words.astype("<u4").tobytes()])

    @classmethod
    def from_bytes(cls, data: bytes, keypoints: int) -> Self:
        """Read what `to_bytes` wrote for a skeleton of `keypoints` points.

        Raises:
            DataError: it is nothing of the kind.
        """
        there = len(data) > _HEAD.size
        whole_size = _HEAD.size + (_SQUARE.size + 4 * keypoints if there else 0)
        if len(data) != whole_size:
            raise DataError(f"a pose of {len(data)} bytes, where {whole_size} are due")
        state, flag, number, time_ns = _HEAD.unpack_from(data)
        if state >= len(STATES) or flag != there or time_ns > MOST:
            raise DataError("a pose with a state or time that does not exist")
        if not there:
            return cls(number=number, time_ns=time_ns, state=STATES[state])
        left, top, side = _SQUARE.unpack_from(data, _HEAD.size)
        if not all(isfinite(own) and abs(own) < LARGEST for own in (left, top, side)) or side <= 0:
            raise DataError("a pose in a square that does not exist")
        words = np.frombuffer(data, "<u4", keypoints, _HEAD.size + _SQUARE.size)
        steps = np.stack([words & STEPS, words >> 12 & STEPS], axis=1)
        points = np.array([left, top]) + steps * (side / STEPS)
        return cls(
            number=number,
            time_ns=time_ns,
            state=STATES[state],
            keypoints_px=points.astype(np.float32),
            confidence=((words >> 24) / np.float32(255)).astype(np.float32),
        )


@dataclass(frozen=True, kw_only=True)
class Welcome:
    """The hello of the subprotocol.

    Attributes:
        stream: the sender's random number.
        fps: nominal rate of its source, or None.
        size: (width, height) of its frames, pixels.
    """

    stream: int
    fps: float | None
    size: tuple[int, int]
    skeleton: Skeleton

    @classmethod
    def of(cls, hello: Hello) -> Self:
        """With a new random number."""
        own = secrets.randbits(32)
        return cls(stream=own, fps=hello.fps, size=hello.size, skeleton=hello.skeleton)

    def to_json(self) -> str:
        table = {
            "schema": PROTOCOL,
            "stream": self.stream,
            "fps": self.fps,
            "size": list(self.size),
            "skeleton": self.skeleton.to_dict(),
        }
        return json.dumps(table, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; a missing, unknown or ill-typed entry is refused by name.

        Raises:
            DataError: it is nothing of the kind.
        """
        table: Mapping[str, Any] = parse(text.encode())
        if table.get("schema") != PROTOCOL:
            raise DataError(f"its schema is not {PROTOCOL}")
        check_keys(table, _HELLO)
        size, fps = table["size"], table["fps"]
        if not isinstance(size, list) or len(size) != 2:
            raise DataError("'size' is not a width and a height")
        try:
            sides = tuple(whole(side) for side in size)
            stream = whole(table["stream"])
        except ValueError as error:
            raise DataError(str(error)) from error
        if not all(0 < side <= MAX_SIDE for side in sides):
            raise DataError("'size' is not a width and a height")
        if fps is not None and not (type(fps) in (int, float) and 0 < fps <= MAX_FPS):
            raise DataError("'fps' is not a number of frames a second")
        if not isinstance(table["skeleton"], dict):
            raise DataError("'skeleton' is not a table")
        skeleton = Skeleton.from_dict(table["skeleton"], "hello")
        return cls(stream=stream, fps=fps, size=(sides[0], sides[1]), skeleton=skeleton)
