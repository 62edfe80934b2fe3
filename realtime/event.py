"""What happened in a session besides the poses, and the strict JSON line of it."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from engines.errors import DataError
from realtime.frame import Frame, Pose, State
from realtime.gap import Gap
from realtime.record import check_keys, parse, whole

MAX_TEXT = 1000  # characters
GAP_NS = 200_000_000  # between two frames is worth an event, if it is also
GAP_PERIODS = 3  # nominal periods of the source long

_EVENT = frozenset({"t", "frame", "kind", "text"})


class Kind(StrEnum):
    FOUND = "found"  # the subject came into view, or came back
    LOST = "lost"  # it was looked for again and not found
    LOST_CAMERA = "lost camera"  # no more frames came after this one: a gap begins
    GAP = "gap"  # much time passed since the frame before: one ends
    MARK = "mark"  # the user pressed a key
    ENGINE = "engine"  # another engine runs the model from here on


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes:
        time_ns: capture time of the frame in which it was noticed, clock of the poses; of a lost
            camera that of the last frame before.
        frame: that frame's number.
        text: more about it, for people; often empty.
    """

    time_ns: int
    frame: int
    kind: Kind
    text: str = ""

    def to_line(self) -> bytes:
        """One line of JSON with its line end."""
        table = {"t": self.time_ns, "frame": self.frame, "kind": self.kind, "text": self.text}
        return json.dumps(table, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Read what `to_line` wrote.

        Raises:
            DataError: anything missing, unknown or ill-typed; the message names it.
        """
        table = parse(line)
        check_keys(table, _EVENT)
        text = table["text"]
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise DataError(f"the event's text is not up to {MAX_TEXT} characters")
        try:
            return cls(whole(table["t"]), whole(table["frame"]), Kind(table["kind"]), text)
        except (TypeError, ValueError) as error:
            raise DataError(f"not a keycam event ({error})") from error


class _Moment(NamedTuple):
    """Of one frame."""

    time_ns: int
    frame: int


class Watch:
    """Notices events in the run of the poses.

    Attributes:
        gaps: how often the camera was lost so far.
        gone_ns: for how long in all, up to the last frame.
    """

    def __init__(self, fps: float | None = None) -> None:
        """
        Args:
            fps: nominal rate of the source, if it is known.
        """
        self._gap_ns = max(GAP_NS, round(GAP_PERIODS * 1e9 / fps) if fps else 0)
        self._last: _Moment | None = None
        self._there = self._lost = False
        self.gaps = self.gone_ns = 0

    def see(self, frame: Frame, pose: Pose) -> list[Event]:
        """The events of the next frame."""
        seen: list[Event] = []
        pause_ns = frame.time_ns - self._last.time_ns if self._last is not None else 0
        if pause_ns > self._gap_ns or self._lost:
            text = f"{pause_ns / 1e9:.3f} s, {frame.dropped} frames dropped"
            seen.append(Event(frame.time_ns, frame.index, Kind.GAP, text))
        if self._lost:
            self.gone_ns += pause_ns
        self._last, self._lost = _Moment(frame.time_ns, frame.index), False
        if pose.state is State.TRACK and not self._there:
            seen.append(Event(frame.time_ns, frame.index, Kind.FOUND))
            self._there = True
        elif pose.state is State.SEARCH and self._there:
            seen.append(Event(frame.time_ns, frame.index, Kind.LOST))
            self._there = False
        return seen

    def lose(self, gap: Gap) -> list[Event]:
        """The event of a camera that is lost, the first time it is said; the subject is with it."""
        if self._lost or self._last is None:
            return []
        self._lost, self._there = True, False
        self.gaps += 1
        return [Event(*self._last, Kind.LOST_CAMERA, gap.reason[:MAX_TEXT])]
