"""One page that looks on: what waits for it, and how large its pictures are.

The page says which messages have arrived, so what is on its way is known, whatever buffers lie
between. It gets a picture only while few are on their way: a slow line or a slow phone gets fewer
pictures, each of them new, and a page that stops reading gets nothing. Where pictures have to be
left out smaller ones are tried, where none has been for a while larger ones.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from realtime.browser.request import Seen, View

FASTEST_HZ = 30.0  # pictures; keypoints come at the loop's rate
POSES_AWAY = 32  # poses that may be on their way; more are left out
PICTURES_AWAY = 2  # besides those that a long line holds at any moment
MOST_AWAY = 6
POSES_WAITING = 8
LOOK_S = 1.0  # between two decisions about the size
LATE, FINE = 0.15, 0.03  # shares of left-out pictures: they are made smaller, may be larger
PATIENCE_S, MOST_PATIENCE_S = 3.0, 60.0  # before larger pictures are tried


@dataclass(frozen=True)
class Quality:
    """Of a picture: pixels of its longer side at most, and JPEG's number."""

    side: int
    jpeg: int


SIDES = (320, 480, 640, 960, 1280, 1920)  # few, so that pages share what was encoded
LADDER = ((3, 50), (2, 60), (1, 70), (0, 75), (0, 85))  # steps below what is shown, JPEG's number
FIRST = 3  # rung


class Viewer:
    """What is known of one page. `put…`, `saw` and `look` may be called on any thread.

    Attributes:
        skipped: pictures left out because the page was behind.
    """

    def __init__(self, wake: asyncio.Event) -> None:
        """
        Args:
            wake: set, on the server's thread, when something waits.
        """
        self.wake = wake
        self.skipped = 0
        self._lock = Lock()
        self._poses: deque[tuple[int, bytes]] = deque(maxlen=POSES_WAITING)
        self._picture: tuple[int, bytes] | None = None
        self._texts: deque[str] = deque(maxlen=16)
        self._away: deque[tuple[int, float]] = deque()  # poses: sequence, sent at
        self._pictures_away: deque[int] = deque()
        self._newest = [0, 0]  # sequences of a pose and of a picture
        self._view = View(0, pictures=True)
        self._rung, self._rung_since, self._patience_s = FIRST, monotonic(), PATIENCE_S
        self._last_s = self._looked_s = 0.0
        self._wanted = self._left_out = 0  # pictures since the last decision
        self._nearest_s: float | None = None  # the shortest way there and back

    def look(self, view: View) -> None:
        """The page says how it shows the picture."""
        with self._lock:
            self._view = view

    def saw(self, seen: Seen) -> None:
        """The page says what has arrived; what it cannot have seen changes nothing."""
        now = monotonic()
        with self._lock:
            while self._away and self._away[0][0] <= seen.pose:
                way_s = now - self._away.popleft()[1]
                self._nearest_s = min(self._nearest_s or way_s, way_s)
            while self._pictures_away and self._pictures_away[0] <= seen.picture:
                self._pictures_away.popleft()

    def quality(self, longer_side: int) -> Quality | None:
        """What its next picture of such a frame should be; None for no picture now.

        Asked once for every frame, when it is fresh.
        """
        now = monotonic()
        with self._lock:
            if not self._view.pictures or now - self._last_s < 0.9 / FASTEST_HZ:
                return None
            away = len(self._pictures_away) + (self._picture is not None)
            behind = away >= self._room()
            self._wanted += 1
            self._left_out += behind
            self.skipped += behind
            self._decide(now)
            if behind:
                return None
            self._last_s = now
            return self._chosen(longer_side)

    def put_text(self, text: str) -> None:
        with self._lock:
            self._texts.append(text)

    def put_pose(self, sequence: int, message: bytes) -> None:
        """One that is not newer than another before it changes nothing; so it is for pictures."""
        with self._lock:
            if sequence > self._newest[0]:
                self._newest[0] = sequence
                self._poses.append((sequence, message))

    def put_picture(self, sequence: int, message: bytes) -> None:
        """To be sent after the poses that wait; drives out one that waits."""
        with self._lock:
            if sequence > self._newest[1]:
                self._newest[1] = sequence
                self._picture = (sequence, message)

    def take(self) -> list[str | bytes]:
        """What is to be sent now, in order; from then on it counts as on its way."""
        now = monotonic()
        with self._lock:
            messages: list[str | bytes] = list(self._texts)
            self._texts.clear()
            while self._poses and len(self._away) < POSES_AWAY:
                sequence, message = self._poses.popleft()
                self._away.append((sequence, now))
                messages.append(message)
            if self._picture is not None and not self._poses:
                sequence, message = self._picture
                self._picture = None
                self._pictures_away.append(sequence)
                messages.append(message)
            return messages

    def _room(self) -> int:
        """Pictures that may be on their way: more where the line is long, not where it is slow."""
        return min(PICTURES_AWAY + int((self._nearest_s or 0) * FASTEST_HZ), MOST_AWAY)

    def _chosen(self, longer_side: int) -> Quality:
        """By the rung; never larger than the frame, nor much larger than it is shown."""
        below, jpeg = LADDER[self._rung]
        shown = min(longer_side, self._view.width or longer_side)
        step = next((n for n, side in enumerate(SIDES) if side >= shown), len(SIDES) - 1)
        return Quality(min(SIDES[max(step - below, 0)], longer_side), jpeg)

    def _decide(self, now: float) -> None:
        """Once a second: smaller pictures, larger ones, or as they are."""
        if now - self._looked_s < LOOK_S:
            return
        share = self._left_out / self._wanted
        self._looked_s, self._wanted, self._left_out = now, 0, 0
        stood_s = now - self._rung_since
        if share > LATE and self._rung > 0:
            in_vain = stood_s < 2 * PATIENCE_S
            self._patience_s = min(2 * self._patience_s, MOST_PATIENCE_S) if in_vain else PATIENCE_S
            self._rung, self._rung_since = self._rung - 1, now
        elif share < FINE and self._rung < len(LADDER) - 1 and stood_s >= self._patience_s:
            self._rung, self._rung_since = self._rung + 1, now
