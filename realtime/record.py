"""One line of a session: what was found in one frame, and its strict JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.geometry import Points, Roi
from realtime.frame import Frame, Pose, State

_RECORD = frozenset({"frame", "t", "dropped", "state", "roi", "subjects", "latency_ms"})
_SUBJECT = frozenset({"id", "keypoints_raw", "keypoints", "confidence"})


@dataclass(frozen=True, eq=False)
class Subject:
    """One subject in one frame.

    Attributes:
        raw_px, keypoints_px: (K, 2) float32 frame pixels as found, and smoothed; NaN where a
            point is missing.
        confidence: (K,) float32 in [0, 1], NaN where missing.
    """

    id: int
    raw_px: Points
    keypoints_px: Points
    confidence: Points


@dataclass(frozen=True, eq=False)
class Record:
    """One processed frame.

    Attributes:
        frame: its number in its source, dropped ones counted.
        time_ns: its capture, monotonic clock of the recording machine.
        dropped: frames the source dropped between the one processed before and this.
        roi: where the tracker looked; None if nothing was found.
        latency_ms: from its capture to its being recorded; for files, from its being read.
    """

    frame: int
    time_ns: int
    dropped: int
    state: State
    roi: Roi | None
    subjects: tuple[Subject, ...]
    latency_ms: float

    @classmethod
    def of(cls, frame: Frame, pose: Pose, latency_ms: float) -> Self:
        subjects: tuple[Subject, ...] = ()
        if (
            pose.raw_px is not None
            and pose.keypoints_px is not None
            and pose.confidence is not None
        ):
            subjects = (Subject(0, pose.raw_px, pose.keypoints_px, pose.confidence),)
        return cls(
            frame.index, frame.time_ns, frame.dropped, pose.state, pose.roi, subjects, latency_ms
        )

    def to_line(self) -> bytes:
        """One line of JSON with its line end: pixels to 0.01, confidence to 0.001."""
        roi = self.roi
        table = {
            "frame": self.frame,
            "t": self.time_ns,
            "dropped": self.dropped,
            "state": self.state.value,
            "roi": roi
            and [round(roi.x, 2), round(roi.y, 2), round(roi.size, 2), round(roi.angle, 4)],
            "subjects": [
                {
                    "id": subject.id,
                    "keypoints_raw": _lists(subject.raw_px, 2),
                    "keypoints": _lists(subject.keypoints_px, 2),
                    "confidence": _lists(subject.confidence, 3),
                }
                for subject in self.subjects
            ],
            "latency_ms": round(self.latency_ms, 3),
        }
        return json.dumps(table, allow_nan=False, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes, keypoints: int) -> Self:
        """Read what `to_line` wrote for a skeleton of `keypoints` points.

        Raises:
            DataError: anything missing, unknown or ill-typed; the message names it.
        """
        table = parse(line)
        check_keys(table, _RECORD)
        try:
            roi = table["roi"]
            return cls(
                frame=_whole(table["frame"]),
                time_ns=_whole(table["t"]),
                dropped=_whole(table["dropped"]),
                state=State(table["state"]),
                roi=None if roi is None else Roi(*_array(roi, (4,)).tolist()),
                subjects=tuple(_subject(entry, keypoints) for entry in table["subjects"]),
                latency_ms=float(table["latency_ms"]),
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(f"not a keycam record ({error})") from error


def parse(text: bytes) -> dict[str, Any]:
    """A JSON object without NaN or infinity.

    Raises:
        DataError: it is none.
    """
    try:
        table = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not valid JSON ({error})") from error
    if not isinstance(table, dict):
        raise DataError("not a JSON object")
    return table


def check_keys(
    table: Mapping[str, Any], names: frozenset[str], optional: frozenset[str] = frozenset()
) -> None:
    """Refuse a missing or unknown entry by name.

    Raises:
        DataError: there is one.
    """
    if missing := sorted(names - set(table)):
        raise DataError(f"'{missing[0]}' is missing")
    if unknown := sorted(set(table) - names - optional):
        raise DataError(f"unknown entry '{unknown[0]}'")


def _subject(table: Any, keypoints: int) -> Subject:
    if not isinstance(table, dict):
        raise ValueError("a subject is not an object")
    check_keys(table, _SUBJECT)
    return Subject(
        id=_whole(table["id"]),
        raw_px=_array(table["keypoints_raw"], (keypoints, 2)).astype(np.float32),
        keypoints_px=_array(table["keypoints"], (keypoints, 2)).astype(np.float32),
        confidence=_array(table["confidence"], (keypoints,)).astype(np.float32),
    )


def _lists(array: Points, decimals: int) -> list[Any]:
    """Nested lists for JSON; null for what is not finite."""
    rounded = np.round(array.astype(np.float64), decimals)
    finite = np.isfinite(rounded)
    if finite.all():
        plain: list[Any] = rounded.tolist()
        return plain
    holed = rounded.astype(object)
    holed[~finite] = None
    plain = holed.tolist()
    return plain


def _array(value: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Nested lists of numbers as an array of that very shape; null becomes NaN."""
    array = np.array(value, np.float64)
    if array.shape != shape:
        raise ValueError(f"an array of shape {array.shape}, where {shape} is due")
    return array


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not a whole number from 0")
    return value


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a number JSON allows")
