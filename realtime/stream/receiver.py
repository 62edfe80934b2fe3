"""The far side of a stream of points: a source of poses without pictures, from another keycam.

It asks a `--to ws://` server for the few bytes of `realtime.stream.points`. The newest pose wins:
those that nobody took are dropped, those that come late are left out, both are counted, so the
order of time is never broken. A connection that breaks is tried again until the loop ends.
"""

import logging
from collections.abc import Iterator
from threading import Condition, Event, Thread
from time import monotonic_ns

import numpy as np

from engines.errors import DataError
from engines.geometry import Image
from realtime.frame import Frame, Pose, State
from realtime.source import Source, SourceError
from realtime.stream.link import Link, link_name
from realtime.stream.points import Packet
from realtime.stream.traffic import Meter, Traffic

RETRY_S = 1.0  # between two tries to connect again
LOOK_S = 0.2  # between two looks whether to stop
QUIET_S = 0.25  # without a pose before a frame without one is shown
GROUND = 24  # grey of the frames
LONGER_PX = 640  # longer side of the frames: points are scaled to it, whatever the sender says
JOIN_S = 5.0

log = logging.getLogger(__name__)


class Receiver(Source):
    """Frames without a picture whose poses come from elsewhere; `track` says which.

    `Frame.time_ns` is when the pose arrived. Where none comes for a while, frames without one are
    yielded, so that a picture drawn from them does not stand still. It ends when the sender does.

    Attributes:
        skeleton: of the poses.
    """

    live = True

    def __init__(self, url: str) -> None:
        """Connect, and wait for the hello.

        Args:
            url: ws:// or wss://, with the token.

        Raises:
            SourceError: no such address, nobody there, a wrong token, or not a keycam.
            ModuleNotFoundError: websockets is not installed.
        """
        self._url = url
        self.name = link_name(url)
        self.dropped = 0
        self._meter = Meter()
        self._changed, self._stop = Condition(), Event()
        self._waiting: tuple[Pose, int] | None = None  # the newest pose and when it arrived
        self._error: Exception | None = None
        self._ended = False
        self._pose = Pose(State.SEARCH)
        link = Link(url)
        self._adopt(link)
        self.skeleton = link.welcome.skeleton
        self.fps = link.welcome.fps
        self.size = _frame_size(link.welcome.size)
        self._ground: Image = np.full((self.size[1], self.size[0], 3), GROUND, np.uint8)
        name = f"receive {self.name}"
        self._thread = Thread(target=self._run, args=(link,), name=name, daemon=True)
        self._thread.start()

    @property
    def traffic(self) -> Traffic:
        """What has come so far; exact once closed."""
        return self._meter.traffic(self.dropped)

    def __iter__(self) -> Iterator[Frame]:
        index, dropped, last_ns = -1, 0, 0
        quiet_s = max(QUIET_S, 3 / self.fps if self.fps else 0)
        while True:
            with self._changed:
                self._changed.wait_for(self._settled, quiet_s)
                arrival, self._waiting = self._waiting, None
                missed, dropped = self.dropped - dropped, self.dropped
                if arrival is None and self._error is not None:
                    raise self._error
                if self._stop.is_set() or (arrival is None and self._ended):
                    return
            self._pose, time_ns = arrival or (Pose(State.COAST), monotonic_ns())
            last_ns = max(time_ns, last_ns + 1)
            index += 1 + missed
            yield Frame(self._ground, index, last_ns, missed)

    def track(self, frame: Frame) -> Pose:  # noqa: ARG002 (as trackers do)
        """The pose of the frame that was yielded last."""
        return self._pose

    def reset(self) -> None:
        """Nothing to forget: the sender's tracker is the one that remembers."""

    def close(self) -> None:
        with self._changed:
            self._stop.set()
            self.dropped += self._waiting is not None
            self._waiting = None
            self._changed.notify_all()
        self._thread.join(JOIN_S)
        if self._thread.is_alive():
            log.warning("%s does not answer; it is left to itself", self.name)

    def _settled(self) -> bool:
        ended = self._ended or self._stop.is_set()
        return self._waiting is not None or self._error is not None or ended

    def _adopt(self, link: Link) -> None:
        self._welcome = link.welcome
        self._meter.bytes += link.greeting

    def _run(self, first: Link) -> None:
        link: Link | None = first
        try:
            while link is not None and not self._attend(link):
                log.warning("%s: the connection broke; trying again", self.name)
                link = self._again()
        except Exception as error:  # noqa: BLE001 (raised again by the owner)
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _attend(self, link: Link) -> bool:
        """Take what comes; whether that was the end, and not a connection that broke."""
        try:
            while not self._stop.is_set():
                if (message := link.read(LOOK_S)) is not None:
                    self._take(message)
        except EOFError:
            return True
        except ConnectionError as error:
            log.debug("%s: %s", self.name, error)
            return False
        finally:
            link.close()
        return True

    def _again(self) -> Link | None:
        """A new connection; None if it is to stop."""
        while not self._stop.wait(RETRY_S):
            try:
                link = Link(self._url)
            except SourceError as error:
                log.debug("%s", error)
                continue
            if link.welcome.skeleton != self.skeleton:
                link.close()
                raise SourceError(f"{self.name}: it now sends another skeleton; start again")
            if link.welcome.stream != self._welcome.stream:
                self._meter.restart()
            self._adopt(link)
            log.info("%s: connected again", self.name)
            return link
        return None

    def _take(self, message: str | bytes) -> None:
        now_ns = monotonic_ns()
        try:
            if not isinstance(message, bytes):
                raise DataError("text, where bytes are due")
            packet = Packet.from_bytes(message, len(self.skeleton.keypoints))
        except DataError as error:
            raise SourceError(f"{self.name}: it sends what is no pose ({error})") from error
        if not self._meter.see(packet.number, len(message), now_ns - packet.time_ns):
            return
        with self._changed:
            if not self._stop.is_set():
                self.dropped += self._waiting is not None
                self._waiting = self._pose_of(packet), now_ns
                self._changed.notify_all()

    def _pose_of(self, packet: Packet) -> Pose:
        if packet.keypoints_px is None:
            return Pose(packet.state)
        points = packet.keypoints_px * np.float32(self.size[0] / self._welcome.size[0])
        return Pose(packet.state, None, points, points, packet.confidence)


def _frame_size(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) with the sender's shape and LONGER_PX at the longer side."""
    scale = LONGER_PX / max(size)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
