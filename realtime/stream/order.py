"""The order of numbered messages: what comes late is left out, what never came is counted."""

from collections import deque

REMEMBER = 4096  # newest numbers among which a second copy of a message is recognised


class Order:
    """Lets rising numbers through.

    received = accepted + late + repeated, and from the first number to the highest one
    accepted + late + lost, as long as nothing comes later than REMEMBER messages.

    Attributes:
        accepted: let through.
        late: left out, because a later one had been let through.
        repeated: left out, because they had come before.
        lost: not come yet, and of no use any more.
    """

    def __init__(self) -> None:
        self.accepted = self.late = self.repeated = self.lost = 0
        self.restart()

    def restart(self) -> None:
        """The next number begins another numbering; the counts go on."""
        self._first: int | None = None
        self._last = -1
        self._seen: deque[int] = deque(maxlen=REMEMBER)

    @property
    def received(self) -> int:
        return self.accepted + self.late + self.repeated

    def accept(self, number: int) -> bool:
        """Whether the message with this number is newer than all before."""
        if self._first is None:
            self._first, self._last = number, number - 1
        if number in self._seen:
            self.repeated += 1
            return False
        self._seen.append(number)
        if number > self._last:
            self.lost += number - self._last - 1
            self._last = number
            self.accepted += 1
            return True
        self.late += 1
        self.lost -= number >= self._first and self.lost > 0
        return False
