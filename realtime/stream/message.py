"""The JSON messages of a stream.

A **pose message** is a line of a session's `poses.jsonl` (`realtime.record`):

    frame       number of the frame in its source, frames that were dropped counted
    t           its capture, nanoseconds of the monotonic clock
    dropped     frames the source dropped between the pose sent before and this
    lost        poses between the two that the stream dropped, newest first; absent where none
    state       "search", "track" or "coast"
    roi         [x, y, side, angle] where the tracker looked; null if nothing was found
    subjects    a list, empty if nothing was found, of
                  id              of the subject
                  keypoints_raw   [[x, y], ...] frame pixels as found, null where missing
                  keypoints       the same, smoothed over time
                  confidence      one number in [0, 1] for each keypoint
                  keypoints_predicted, predicted_ms
                                  with --predict: where they will be so many milliseconds after
                                  the capture
    latency_ms  from the capture to the sending; for files, from the reading

The **hello**, first on a connection and once per second where there are none, says what the poses
are of: "schema" ("keycam.stream/1", which no pose message has), "keycam", "model", "source",
"live", "fps", "size" ([width, height]), "skeleton" as in `session.json` (its "keypoints" name the
points in the order of the lists), and "clock", the same moment on the clock of `t` and on the wall.

A receiver sees what it missed, whoever lost it, by the holes in `frame`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from time import monotonic
from typing import Any, Self

from engines.engine import Engine
from engines.skeleton import Skeleton
from realtime.record import Record
from realtime.source import Source

SCHEMA = "keycam.stream/1"
REPEAT_S = 1.0  # between hellos where receivers come without a word


@dataclass(frozen=True, kw_only=True)
class Hello:
    """What every receiver should know.

    Attributes:
        model: name of the model.
        source: name of the source; of a camera its stable id.
        live, fps, size: as of `Source`.
        anchor: ties the clock of the frames' times to wall-clock time.
    """

    model: str
    skeleton: Skeleton
    source: str
    live: bool
    fps: float | None
    size: tuple[int, int]
    anchor: Callable[[], Mapping[str, Any]]

    @classmethod
    def of(cls, source: Source, engine: Engine, anchor: Callable[[], Mapping[str, Any]]) -> Self:
        own = (source.camera or {}).get("id")
        return cls(
            model=engine.card.name,
            skeleton=engine.card.skeleton,
            source=source.name if own is None else str(own),
            live=source.live,
            fps=source.fps,
            size=source.size,
            anchor=anchor,
        )

    def to_json(self) -> bytes:
        """One JSON object, with the clocks as they are now."""
        table = {
            "schema": SCHEMA,
            "keycam": version("keycam"),
            "model": self.model,
            "source": self.source,
            "live": self.live,
            "fps": self.fps,
            "size": list(self.size),
            "skeleton": self.skeleton.to_dict(),
            "clock": dict(self.anchor()),
        }
        return json.dumps(table, allow_nan=False, separators=(",", ":")).encode()


def pose_message(record: Record) -> bytes:
    """One JSON object."""
    return record.to_line().rstrip()


class Greeter:
    """Says when the hello is due again."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def due(self) -> bool:
        now = monotonic()
        if now < self._next_s:
            return False
        self._next_s = now + REPEAT_S
        return True
