"""The sink that hands every frame to the page."""

from threading import Event
from time import monotonic_ns
from typing import TYPE_CHECKING

from realtime.controls import Controls
from realtime.frame import Frame, Pose
from realtime.timing import Timings

if TYPE_CHECKING:
    from realtime.browser.desk import Desk

LOOK_S = 0.1  # between two looks whether the loop is to end


class BrowserSink:
    """Costs the loop some microseconds a frame, however many pages look on, and slow ones too."""

    def __init__(self, desk: "Desk", controls: Controls, looked: Event, wait_s: float) -> None:
        """
        Args:
            looked: set once a page has been there.
            wait_s: how long to stand still at the first frame until that is so.
        """
        self._desk = desk
        self._controls = controls
        self._looked = looked
        self._wait_s = wait_s

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        if not self._controls.state.paused:  # then the picture stands still
            self._desk.take(frame, pose, stats)
        if self._wait_s > 0:
            self._stand_still(stats)

    def close(self) -> None:
        self._desk.detach()

    def _stand_still(self, stats: Timings) -> None:
        """Until somebody looks; this does not count as time of the loop."""
        began = monotonic_ns()
        while self._wait_s > 0 and not self._controls.stopping:
            self._wait_s = 0 if self._looked.wait(LOOK_S) else self._wait_s - LOOK_S
        self._wait_s = 0
        stats.skip(monotonic_ns() - began)
