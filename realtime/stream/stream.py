"""The sink that hands every pose to an outlet, without ever making the loop wait."""

from dataclasses import replace
from typing import Protocol

from realtime.frame import Frame, Pose
from realtime.record import Record
from realtime.stream.sender import Sender
from realtime.timing import Timings

QUEUE = 4  # poses that may wait for an outlet; more would only be older


class Outlet(Protocol):
    """Sends poses to other programs in one format.

    The constructor opens it, on any thread; `send` and `close` are called on one other thread,
    `close` once. `send` does not wait for receivers.

    Attributes:
        name: for people, without secrets.
    """

    name: str

    def send(self, frame: Frame, record: Record) -> None:
        """Send what was found in `frame`, also when that is nothing.

        Raises:
            OSError: it could not be sent; the next may be.
        """

    def close(self) -> None: ...


class Stream:
    """Sends the poses of a loop through `outlet`, which it owns."""

    def __init__(self, outlet: Outlet) -> None:
        self.sender = Sender(
            outlet.name, lambda item: outlet.send(*item), outlet.close, keep=QUEUE, merge=_merge
        )
        self._said = ""

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        self.sender.put((frame, Record.of(frame, pose, stats.age_ms)))
        if stats.notice in ("", self._said):  # another's goes first
            stats.notice = self._said = self.sender.notice

    def close(self) -> None:
        self.sender.close()


def _merge(older: tuple[Frame, Record], newer: tuple[Frame, Record]) -> tuple[Frame, Record]:
    """The newer one, which accounts for the older that is not sent."""
    lost, (frame, record) = older[1], newer
    dropped = record.dropped + lost.dropped
    return frame, replace(record, dropped=dropped, lost=record.lost + lost.lost + 1)
