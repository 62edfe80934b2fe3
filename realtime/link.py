"""The thread that reads a camera, and finds it again when it was lost."""

import logging
from threading import Event, Thread
from time import monotonic_ns

from engines.errors import KeycamError
from engines.geometry import Image
from realtime.feed import Feed, Opener
from realtime.mailbox import Mailbox
from realtime.source import SourceError

RETRY_S = (0.1, 1.0)  # between tries: the first, and the longest; each twice the one before
RATED = 90  # frames over which the rate is measured
SLOW = 0.8  # of the promised rate is worth a warning

log = logging.getLogger(__name__)


class Link:
    """Puts the pictures of a feed into a mailbox until it is stopped.

    Attributes:
        reason: why pictures ceased; "" while they come.
    """

    def __init__(
        self, mailbox: Mailbox, name: str, opener: Opener, *, again: bool, rated: bool
    ) -> None:
        """
        Args:
            opener: opens the camera anew; called on this thread.
            again: whether to, when it is lost; otherwise the mailbox gets the error.
            rated: whether the rate it promises means something.
        """
        self.reason = ""
        self._mailbox = mailbox
        self._name = name
        self._opener = opener
        self._again = again
        self._rated = rated
        self._wait_s = RETRY_S[0]
        self._size: tuple[int, int] | None = None
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self, feed: Feed | None, size: tuple[int, int] | None = None) -> None:
        """Begin.

        Args:
            feed: what to read first, taken over; None to begin with finding the camera again.
            size: (width, height) that pictures must have; None for that of the first.
        """
        self._size = size
        own = f"grab {self._name}"
        self._thread = Thread(target=self._run, args=(feed,), name=own, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def reading(self) -> bool:
        """Whether it waits for a picture of an open camera."""
        return self.alive and not self.reason

    def stop(self) -> None:
        """End as soon as the camera lets go."""
        self._stop.set()

    def join(self, seconds: float) -> bool:
        """Wait for the end; whether it came."""
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.alive

    def _run(self, feed: Feed | None) -> None:
        try:
            while not self._stop.is_set():
                feed = self._find() if feed is None else feed
                if feed is None:
                    return
                try:
                    self._drain(feed)
                except KeycamError as error:
                    self.reason = str(error)
                    if not self._again:
                        raise
                finally:
                    feed.release()
                feed = None
        except Exception as error:  # noqa: BLE001 (raised again by the owner)
            self._mailbox.fail(error)

    def _drain(self, feed: Feed) -> None:
        """Hand over pictures until there are no more."""
        started, frames = monotonic_ns(), 0
        while not self._stop.is_set():
            image, time_ns = feed.read()
            self._check(image)
            self.reason, self._wait_s = "", RETRY_S[0]
            if not self._stop.is_set():
                self._mailbox.put(image, time_ns)
            frames += 1
            if frames == RATED and self._rated:
                self._rate(feed, RATED / ((monotonic_ns() - started) / 1e9))

    def _check(self, image: Image) -> None:
        size = image.shape[1], image.shape[0]
        self._size = self._size or size
        if size != self._size:
            was, now = (f"{width}x{height}" for width, height in (self._size, size))
            raise SourceError(f"{self._name} now gives pictures of {now}, not {was}")

    def _find(self) -> Feed | None:
        """Open the camera again, however often that takes; None once it is stopped."""
        said = self.reason
        while not self._stop.wait(self._wait_s):
            self._wait_s = min(2 * self._wait_s, RETRY_S[1])
            try:
                return self._opener()
            except KeycamError as error:
                if str(error) != said:
                    log.info("%s", said := str(error))
        return None

    def _rate(self, feed: Feed, measured: float) -> None:
        """Say when the camera is slower than it promised: it often is, in the dark."""
        log.debug("%s sends %.1f frames per second", self._name, measured)
        if feed.fps is not None and measured < SLOW * feed.fps:
            log.warning(
                "%s promises %.0f frames per second and sends %.1f; more light, or a shorter "
                "--exposure, may help",
                self._name,
                feed.fps,
                measured,
            )
