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

MOST = 2**63 - 1  # that a frame's number, a time or a count may be
LARGEST = 1e30  # that a coordinate may be

_RECORD = frozenset({"frame", "t", "dropped", "state", "roi", "subjects", "latency_ms"})
_OPTIONAL = frozenset({"lost", "video"})
_SUBJECT = frozenset({"id", "keypoints_raw", "keypoints", "confidence"})
_PREDICTED = frozenset({"keypoints_predicted", "predicted_ms"})  # both or none


@dataclass(frozen=True, eq=False)
class Subject:
    """One subject in one frame.

    Attributes:
        raw_px, keypoints_px: (K, 2) float32 frame pixels as found, and smoothed; NaN where a
            point is missing.
        confidence: (K,) float32 in [0, 1], NaN where missing.
        predicted_px: (K, 2) where they were expected to be `ahead_ms` after the capture; None
            where nothing was predicted.
    """

    id: int
    raw_px: Points
    keypoints_px: Points
    confidence: Points
    predicted_px: Points | None = None
    ahead_ms: float = 0.0

    @property
    def newest_px(self) -> Points:
        """What to show of it: the prediction, if there is one."""
        return self.keypoints_px if self.predicted_px is None else self.predicted_px


@dataclass(frozen=True, eq=False)
class Record:
    """One processed frame.

    Attributes:
        frame: its number in its source, dropped ones counted.
        time_ns: its capture, monotonic clock of the recording machine.
        dropped: frames the source dropped between the one recorded before and this.
        roi: where the tracker looked; None if nothing was found.
        latency_ms: from its capture to its being recorded; for files, from its being read.
        lost: frames processed between the one recorded before and this, and not recorded. With
            `dropped`, every number between the two is accounted for.
        video: number of the session's video frame that shows it, from 0; None if none does.
    """

    frame: int
    time_ns: int
    dropped: int
    state: State
    roi: Roi | None
    subjects: tuple[Subject, ...]
    latency_ms: float
    lost: int = 0
    video: int | None = None

    @classmethod
    def of(
        cls,
        frame: Frame,
        pose: Pose,
        latency_ms: float,
        *,
        dropped: int | None = None,
        lost: int = 0,
        video: int | None = None,
    ) -> Self:
        """What is recorded of one frame; `dropped` is the frame's own unless it is given."""
        found = tuple(
            Subject(
                own.id,
                own.raw_px,
                own.keypoints_px,
                own.confidence,
                own.predicted_px,
                own.ahead_ms,
            )
            for own in pose.subjects
            if own.raw_px is not None
            and own.keypoints_px is not None
            and own.confidence is not None
        )
        return cls(
            frame=frame.index,
            time_ns=frame.time_ns,
            dropped=frame.dropped if dropped is None else dropped,
            state=pose.state,
            roi=pose.roi,
            subjects=found,
            latency_ms=latency_ms,
            lost=lost,
            video=video,
        )

    def to_line(self) -> bytes:
        """One line of JSON with its line end: pixels to 0.01, confidence to 0.001."""
        roi = self.roi
        table: dict[str, Any] = {
            "frame": self.frame,
            "t": self.time_ns,
            "dropped": self.dropped,
            "state": self.state.value,
            "roi": roi
            and [round(roi.x, 2), round(roi.y, 2), round(roi.size, 2), round(roi.angle, 4)],
            "subjects": [_table(subject) for subject in self.subjects],
            "latency_ms": round(self.latency_ms, 3),
        }
        if self.lost:
            table["lost"] = self.lost
        if self.video is not None:
            table["video"] = self.video
        return json.dumps(table, allow_nan=False, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes, keypoints: int) -> Self:
        """Read what `to_line` wrote for a skeleton of `keypoints` points.

        Raises:
            DataError: anything missing, unknown or ill-typed; the message names it.
        """
        table = parse(line)
        check_keys(table, _RECORD, _OPTIONAL)
        try:
            roi, video = table["roi"], table.get("video")
            return cls(
                frame=whole(table["frame"]),
                time_ns=whole(table["t"]),
                dropped=whole(table["dropped"]),
                state=State(table["state"]),
                roi=None if roi is None else Roi(*_array(roi, (4,), holes=False).tolist()),
                subjects=tuple(_subject(entry, keypoints) for entry in table["subjects"]),
                latency_ms=_array(table["latency_ms"], (), holes=False).item(),
                lost=whole(table.get("lost", 0)),
                video=None if video is None else whole(video),
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


def _table(subject: Subject) -> dict[str, Any]:
    table: dict[str, Any] = {
        "id": subject.id,
        "keypoints_raw": _lists(subject.raw_px, 2),
        "keypoints": _lists(subject.keypoints_px, 2),
        "confidence": _lists(subject.confidence, 3),
    }
    if subject.predicted_px is not None:
        table["keypoints_predicted"] = _lists(subject.predicted_px, 2)
        table["predicted_ms"] = round(subject.ahead_ms, 3)
    return table


def _subject(table: Any, keypoints: int) -> Subject:
    if not isinstance(table, dict):
        raise ValueError("a subject is not an object")
    predicted = bool(_PREDICTED & set(table))
    check_keys(table, _SUBJECT | _PREDICTED if predicted else _SUBJECT)
    more: dict[str, Any] = {}
    if predicted:
        points = _array(table["keypoints_predicted"], (keypoints, 2)).astype(np.float32)
        ahead_ms = _array(table["predicted_ms"], (), holes=False).item()
        more = {"predicted_px": points, "ahead_ms": ahead_ms}
    return Subject(
        id=whole(table["id"]),
        raw_px=_array(table["keypoints_raw"], (keypoints, 2)).astype(np.float32),
        keypoints_px=_array(table["keypoints"], (keypoints, 2)).astype(np.float32),
        confidence=_array(table["confidence"], (keypoints,)).astype(np.float32),
        **more,
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


def _array(value: Any, shape: tuple[int, ...], *, holes: bool = True) -> NDArray[np.float64]:
    """Nested lists of numbers as an array of that very shape; null, where allowed, becomes NaN."""
    array = np.array(value, object)
    if array.shape != shape:
        raise ValueError(f"an array of shape {array.shape}, where {shape} is due")
    kinds = set(map(type, array.flat))
    if unfit := kinds - {int, float, type(None)}:
        raise ValueError(f"{unfit.pop().__name__} among numbers")
    numbers = array.astype(np.float64)
    if (np.abs(numbers) > LARGEST).any() or (not holes and np.isnan(numbers).any()):
        raise ValueError("a number that is missing or too large")
    return numbers


def whole(value: Any) -> int:
    """`value` itself.

    Raises:
        ValueError: it is no whole number from 0 to MOST.
    """
    if type(value) is not int or not 0 <= value <= MOST:
        raise ValueError(f"{str(value)[:40]} is not a whole number from 0")
    return value


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a number JSON allows")
