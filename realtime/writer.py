"""The thread that writes the poses and events of a session."""

from pathlib import Path
from queue import Full, Queue
from threading import Thread
from time import monotonic_ns

from realtime.event import Event
from realtime.journal import Journal
from realtime.record import Record
from realtime.session import EVENTS_FILE, POSES_FILE

QUEUE = 512  # frames that may wait for the disk
FLUSH_NS = 50_000_000  # the longest that a written line stays in our memory
CHECK_NS = 500_000_000  # how often to look whether the files are still there


class Writer:
    """Writes lines to a session folder as they come, through a bounded queue.

    Attributes:
        error: what stopped it, once it has failed; from then on it writes nothing.
    """

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            OSError: a file cannot be opened.
        """
        self.error: Exception | None = None
        self._poses = Journal(folder / POSES_FILE)
        self._events = Journal(folder / EVENTS_FILE)
        self._flushed = self._checked = monotonic_ns()
        self._queue: Queue[tuple[Record | None, tuple[Event, ...]] | None] = Queue(QUEUE)
        self._thread = Thread(target=self._write_all, name=f"write {folder}", daemon=True)
        self._thread.start()

    @property
    def written(self) -> int:
        """Poses handed to the disk so far."""
        return self._poses.lines

    def put(self, record: Record | None, events: tuple[Event, ...], *, wait: bool) -> bool:
        """Queue a frame's pose and what happened in it; whether there was room."""
        try:
            self._queue.put((record, events), block=wait)
        except Full:
            return False
        return True

    def close(self) -> None:
        """Write what is queued and close the files."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _write_all(self) -> None:
        batches = iter(self._queue.get, None)
        try:
            for batch in batches:
                self._write(*batch)
            self._flush()
        except Exception as error:  # noqa: BLE001 (the owner looks at it)
            self.error = error
            for _ in batches:  # until it is closed
                pass
        self._poses.close()
        self._events.close()

    def _write(self, record: Record | None, events: tuple[Event, ...]) -> None:
        if record is not None:
            self._poses.write(record.to_line())
        for event in events:
            self._events.write(event.to_line())
        now = monotonic_ns()
        if self._queue.empty() or now - self._flushed > FLUSH_NS:
            self._flush()
            self._flushed = now
        if now - self._checked > CHECK_NS:
            self._poses.check_there()
            self._checked = now

    def _flush(self) -> None:
        self._poses.flush()
        self._events.flush()
