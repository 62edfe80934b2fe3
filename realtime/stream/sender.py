"""A thread that sends; whoever hands it things never waits, and the newest win."""

import logging
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import Generic, TypeVar

JOIN_S = 5.0  # to wait at the end for a send that hangs

log = logging.getLogger(__name__)

T = TypeVar("T")


class Sender(Generic[T]):
    """Sends things in order on a thread of its own, from a short queue.

    What finds the queue full drives out the oldest, which is counted. An OSError of `send` is
    counted and told, and the next thing is tried; any other error ends the thread and is raised by
    the next `put`, or by `close`.

    Attributes:
        taken: things put so far; each was sent, dropped, failed, or waits.
        sent, dropped, failed: what became of them.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[T], None],
        close: Callable[[], None],
        *,
        keep: int,
        merge: Callable[[T, T], T] = lambda _, newer: newer,
    ) -> None:
        """
        Args:
            name: for people.
            send, close: called on the thread; `close` once, at its end.
            keep: how many things may wait.
            merge: of the oldest thing, which is dropped, and the next: what is sent for the next.
        """
        self.name = name
        self.taken = self.sent = self.dropped = self.failed = 0
        self._send = send
        self._close = close
        self._keep = keep
        self._merge = merge
        self._waiting: deque[T] = deque()
        self._changed = Condition()
        self._closed = self._told = False
        self._trouble: OSError | None = None  # of the last send
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, name=f"send {name}", daemon=True)
        self._thread.start()

    @property
    def notice(self) -> str:
        """What the user should see now; "" if all is well."""
        if self._trouble is not None:
            return f"{self.name}: not sent ({_reason(self._trouble)})"
        return f"{self.name}: {self.dropped} dropped" if self.dropped else ""

    def put(self, thing: T) -> None:
        """Queue a thing; costs microseconds, whatever becomes of it.

        Raises:
            Exception: what ended the thread.
        """
        if self._error is not None:
            raise self._error
        with self._changed:
            self.taken += 1
            self._waiting.append(thing)
            if len(self._waiting) > self._keep:
                oldest = self._waiting.popleft()
                self._waiting[0] = self._merge(oldest, self._waiting[0])
                self.dropped += 1
            self._changed.notify()

    def close(self) -> None:
        """Send what waits, then say what was not sent. May be called twice.

        Raises:
            Exception: what ended the thread.
        """
        with self._changed:
            first, self._closed = not self._closed, True
            self._changed.notify()
        if not first:
            return
        self._thread.join(JOIN_S)
        if self._thread.is_alive():
            log.warning("%s does not answer; it is left to itself", self.name)
        if self.dropped or self.failed:
            text = "%s: of %d, %d were dropped and %d could not be sent"
            log.warning(text, self.name, self.taken, self.dropped, self.failed)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while (thing := self._next()) is not None:
                self._try(thing)
        except Exception as error:  # noqa: BLE001 (raised again by the owner)
            self._error = error
        try:
            self._close()
        except Exception as error:  # noqa: BLE001 (as above)
            self._error = self._error or error

    def _next(self) -> T | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return self._waiting.popleft() if self._waiting else None

    def _try(self, thing: T) -> None:
        try:
            self._send(thing)
        except OSError as error:
            self.failed += 1
            self._trouble = error
            if not self._told:
                self._told = True
                log.error("%s: cannot be sent to (%s); still trying", self.name, _reason(error))
        else:
            self.sent += 1
            self._trouble = None


def _reason(error: OSError) -> str:
    return " ".join(str(error.strerror or error).split())[:200]
