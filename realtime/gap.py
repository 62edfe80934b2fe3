"""The time in which a live source has no frames, because its camera is gone."""

from dataclasses import dataclass
from time import monotonic_ns


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A gap that goes on: a live source says so a few times per second, in a frame's stead.

    Attributes:
        since_ns: capture time of the last frame before it, `time.monotonic_ns()` clock.
        reason: why frames ceased, for people.
    """

    since_ns: int
    reason: str

    @property
    def seconds(self) -> float:
        """How long it has lasted by now."""
        return (monotonic_ns() - self.since_ns) / 1e9

    @property
    def notice(self) -> str:
        """What the user should see now."""
        return f"camera lost {self.seconds:.0f} s ago, trying again"
