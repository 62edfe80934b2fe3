"""The one slot between a grab thread and the loop: a new frame replaces one not yet taken."""

from threading import Condition

from engines.geometry import Image
from realtime.frame import Frame


class Mailbox:
    """Holds the newest picture until it is taken; waits by condition, never by polling.

    Every picture put in is taken once, or counted as dropped, or still waits: captured = taken +
    dropped + waiting. Times that do not rise are moved on by a nanosecond.

    Attributes:
        captured: pictures put in.
        dropped: of those, replaced or left in the slot at `close`.
    """

    def __init__(self) -> None:
        self.captured = 0
        self.dropped = 0
        self._condition = Condition()
        self._slot: tuple[Image, int] | None = None
        self._last_index = -1  # of the picture taken last
        self._last_ns = -1  # of the picture put in last
        self._error: Exception | None = None
        self._closed = False

    def put(self, image: Image, time_ns: int) -> None:
        """Called by the grab thread; does nothing once closed."""
        with self._condition:
            if self._closed:
                return
            self.dropped += self._slot is not None
            self.captured += 1
            self._last_ns = max(time_ns, self._last_ns + 1)
            self._slot = (image, self._last_ns)
            self._condition.notify_all()

    def fail(self, error: Exception) -> None:
        """Called by the grab thread when it ends: the owner gets `error` after the last picture."""
        with self._condition:
            self._error = error
            self._condition.notify_all()

    def wait(self, timeout_s: float) -> Image | None:
        """Block until there is a picture, and look at it without taking it.

        Returns:
            None if it was closed.

        Raises:
            TimeoutError: nothing came.
            Exception: what the grab thread failed with.
        """
        with self._condition:
            if not self._condition.wait_for(self._settled, timeout_s):
                raise TimeoutError
            if self._slot is not None:
                return self._slot[0]
            if self._error is not None and not self._closed:
                raise self._error
            return None

    def take(self, timeout_s: float) -> Frame | None:
        """Block until there is a picture and take it; otherwise as `wait`."""
        if self.wait(timeout_s) is None:
            return None
        with self._condition:
            if self._slot is None:  # closed in between
                return None
            (image, time_ns), self._slot = self._slot, None
            index = self.captured - 1
            frame = Frame(image, index, time_ns, index - self._last_index - 1)
            self._last_index = index
            return frame

    def close(self) -> None:
        """The owner wants no more; whoever waits gets None."""
        with self._condition:
            self.dropped += self._slot is not None
            self._slot = None
            self._closed = True
            self._condition.notify_all()

    def _settled(self) -> bool:
        return self._slot is not None or self._error is not None or self._closed
