"""How present the driver is: 1 while followed, 0 once lost for good, and soft between the two."""

HOLD_S = 0.3  # for which a lost driver's last pose is kept
FADE_S = 0.8  # in which it then fades to the reference's own
RETURN_S = 0.25  # in which a driver who is found again takes over


class Presence:
    """A number from 0 to 1 that follows whether the driver is there, without a jump."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Nobody was ever there."""
        self._way = 0.0  # of the fade, linear in time
        self._time_s: float | None = None
        self._seen_s = 0.0

    def update(self, *, there: bool, time_s: float) -> float:
        """The number at `time_s`, seconds on any one clock that does not run backwards."""
        step_s = 0.0 if self._time_s is None else max(time_s - self._time_s, 0.0)
        before_s, self._time_s = self._time_s, time_s
        if there:
            self._seen_s = time_s
            self._way = min(self._way + step_s / RETURN_S, 1.0)
        elif before_s is not None:
            faded_s = max(time_s - max(self._seen_s + HOLD_S, before_s), 0.0)
            self._way = max(self._way - faded_s / FADE_S, 0.0)
        return self._way**2 * (3 - 2 * self._way)
