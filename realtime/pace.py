"""Holds the frames of a file back until their time has come."""

from time import monotonic_ns, sleep

SLACK_NS = 250_000_000


class Pace:
    """Plays frames at the speed of their own times, or, switched off, at once.

    A consumer a little late is let catch up; one later than SLACK_NS moves the schedule, so a slow
    start or a pause is not followed by a rush. Frames are never dropped.
    """

    def __init__(self, *, on: bool) -> None:
        self._on = on
        self._shift_ns = 0

    def wait(self, time_ns: int) -> None:
        """Return when the frame captured at `time_ns`, rising from call to call, is due."""
        if not self._on:
            return
        early = time_ns + self._shift_ns - monotonic_ns()
        if early > 0:
            sleep(early / 1e9)
        elif early < -SLACK_NS:
            self._shift_ns -= early
