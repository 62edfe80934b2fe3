"""What came over a connection: how much, in which order, how late."""

from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

from realtime.stream.order import Order
from realtime.timing import Percentiles, Ring

KEEP = 100_000  # delays


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What has come so far.

    Attributes:
        poses: those that were newer than all before.
        dropped: of these, replaced by a newer one before they were taken.
        late, lost: as of `Order`.
        kbit_s: of all messages, over the time since the connection was made.
        delay: how much later than the quickest one poses came; None before any.
    """

    poses: int
    dropped: int
    late: int
    lost: int
    bytes: int
    kbit_s: float
    delay: Percentiles | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_text(self) -> str:
        text = (
            f"{self.poses} poses, {self.bytes / 1e3:.1f} kB, {self.kbit_s:.0f} kbit/s; "
            f"{self.lost} lost, {self.late} too late, {self.dropped} replaced by newer ones"
        )
        if self.delay is None:
            return text
        return (
            f"{text}\nthey came later than the quickest one by {self.delay.p50_ms:.1f} ms (p50), "
            f"{self.delay.p90_ms:.1f} (p90), {self.delay.p99_ms:.1f} (p99)"
        )


class Meter:
    """Counts messages as they come, on one thread."""

    def __init__(self) -> None:
        self.order = Order()
        self.bytes = 0
        self._since_s = monotonic()
        self._ways = Ring(KEEP)  # from capture to arrival, ms, later than the first one's
        self._first_ns: int | None = None

    def restart(self) -> None:
        """Another sender, with another numbering and another clock."""
        self.order.restart()
        self._first_ns = None

    def see(self, number: int, size: int, way_ns: int) -> bool:
        """Count a pose; whether it is newer than all before.

        Args:
            way_ns: its arrival on our clock less its capture on the sender's.
        """
        self.bytes += size
        if self._first_ns is None:
            self._first_ns = way_ns
        self._ways.add((way_ns - self._first_ns) / 1e6)
        return self.order.accept(number)

    def traffic(self, dropped: int) -> Traffic:
        delay = None
        if self._ways.count:
            ways = self._ways.values()
            delay = Percentiles.of(ways - ways.min())
        seconds = max(monotonic() - self._since_s, 1e-9)
        return Traffic(
            poses=self.order.accepted,
            dropped=dropped,
            late=self.order.late,
            lost=self.order.lost,
            bytes=self.bytes,
            kbit_s=self.bytes * 8 / seconds / 1e3,
            delay=delay,
        )
