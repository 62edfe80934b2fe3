"""Work in the background that can be watched and stopped."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Job(Generic[T]):
    """Runs `work(tell)` on a thread of its own, at once.

    `work` calls `tell(part)`, 0 <= part <= 1, now and then, and ends soon after it answers False.
    """

    def __init__(self, work: Callable[[Callable[[float], bool]], T]) -> None:
        self.part = 0.0
        self._work = work
        self._stop = Event()
        self._done = Event()
        self._result: T | None = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="keycam-job", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return self._done.is_set()

    def result(self) -> T:
        """Wait for it: what `work` returned, or its exception. Ctrl-C stops the work."""
        try:
            while not self._done.wait(0.1):  # short, so that a signal is heard
                pass
        except BaseException:
            self.stop()
            raise
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._result = self._work(self._tell)
        except BaseException as error:  # noqa: BLE001 (it is raised where the result is asked for)
            self._error = error
        finally:
            self._done.set()

    def _tell(self, part: float) -> bool:
        self.part = part
        return not self._stop.is_set()
