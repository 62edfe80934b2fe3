"""Cameras and network streams: a thread drains them, the loop gets the newest frame."""

import logging
from collections.abc import Iterator, Mapping
from time import monotonic_ns
from typing import Any

import cv2

from realtime import feed_av, feed_opencv
from realtime.camera_settings import CameraSettings
from realtime.cameras import Camera, find_camera
from realtime.capture import open_capture
from realtime.feed import Feed, Opener
from realtime.frame import Frame
from realtime.gap import Gap
from realtime.link import Link
from realtime.mailbox import Mailbox
from realtime.source import Source, SourceError, public_name
from realtime.video import VideoFile

FIRST_FRAME_S = 15.0  # to wait for the first frame; some cameras take many seconds to wake
STALL_S = 1.0  # without a frame before a camera counts as lost, if that is also
STALL_PERIODS = 10  # nominal periods
DEAD_S = 5.0  # of a stall before a camera that is not to be found again counts as dead
HUNG_S = 10.0  # in one read before that thread is left to itself and the camera opened anew
MOST_HUNG = 3  # threads left to themselves at a time
BEAT_S = 0.1  # between two looks whether it is there again
JOIN_S = 5.0  # to wait for a grab thread that sits in a read

log = logging.getLogger(__name__)


class Live(Source):
    """Frames of a camera or stream without an end, newest first; a thread reads it.

    A camera is lost when reading fails, or gives nothing for a while. It is then opened again as
    soon as that can be done; numbers and times of the frames go on.
    """

    live = True

    def __init__(
        self,
        opener: Opener,
        name: str,
        *,
        give_up_s: float | None = 0.0,
        first_s: float = FIRST_FRAME_S,
        about: Mapping[str, Any] | None = None,
        first: Feed | None = None,
    ) -> None:
        """Open it and wait for the first frame.

        Args:
            opener: opens the camera; called again when it was lost, on the thread that reads.
            give_up_s: how long it may be gone; 0 not at all, None for ever.
            about: `camera`, without the mode.
            first: what `opener` gave already, if it was called.

        Raises:
            SourceError: it cannot be opened, or no frame comes within `first_s` seconds.
        """
        feed = opener() if first is None else first
        self.name = name
        self.fps = feed.fps
        self.dropped = 0
        self._opener = opener
        self._give_up_s = give_up_s
        self._mailbox = Mailbox()
        self._rated = about is not None  # a stream's rate is often a guess
        self._hung: list[Link] = []
        self._link = self._new_link()
        self._last_ns = monotonic_ns()  # of the last frame taken, or the start
        self._waiting_ns = self._last_ns  # since when nothing came
        self._link.start(feed)
        try:
            image = self._mailbox.wait(first_s)
        except TimeoutError:
            self.close()
            raise SourceError(f"{name} opened but gave no frame for {first_s:g} s") from None
        except BaseException:
            self.close()
            raise
        assert image is not None  # nobody else could have closed it
        self.size = (image.shape[1], image.shape[0])
        if about is not None:
            mode = {"size": list(self.size), "fps": self.fps, "pixels": feed.pixels}
            self.camera = {**about, "mode": {**mode, **feed.got}}

    @property
    def captured(self) -> int:
        """Frames the thread got from the camera: those yielded, plus `dropped` after `close`."""
        return self._mailbox.captured

    def __iter__(self) -> Iterator[Frame]:
        return (item for item in self.beats() if isinstance(item, Frame))

    def beats(self) -> Iterator[Frame | Gap]:
        stall_s = max(STALL_S, STALL_PERIODS / self.fps if self.fps else 0.0)
        lost = False
        while True:
            try:
                frame = self._mailbox.take(BEAT_S)
            except TimeoutError:
                if gap := self._gap(stall_s):
                    lost = lost or self._tell_lost(gap)
                    yield gap
                continue
            if frame is None:
                return
            if lost:
                gone_s = (frame.time_ns - self._last_ns) / 1e9
                log.warning("%s is back after %.1f s", self.name, gone_s)
                lost = False
            self.dropped = self._mailbox.dropped
            self._last_ns, self._waiting_ns = frame.time_ns, monotonic_ns()
            yield frame

    def close(self) -> None:
        self._link.stop()
        self._mailbox.close()
        self.dropped = self._mailbox.dropped
        if not self._link.join(JOIN_S):
            log.warning("%s does not answer; it is left to itself", self.name)

    def _gap(self, stall_s: float) -> Gap | None:
        """The gap we are in, if this is one.

        Raises:
            SourceError: it has lasted too long.
        """
        silent_s = (monotonic_ns() - self._waiting_ns) / 1e9
        reason = self._link.reason or f"{self.name} gave no frame for {silent_s:.0f} s"
        if self._give_up_s == 0:
            if silent_s >= DEAD_S:
                raise SourceError(f"{reason}; is it still connected?")
            return None
        if not self._link.reason and silent_s < stall_s:
            return None
        gap = Gap(since_ns=self._last_ns, reason=reason)
        if self._give_up_s is not None and gap.seconds >= self._give_up_s:
            raise SourceError(f"{reason}; given up after {gap.seconds:.0f} s")
        if silent_s >= HUNG_S and self._link.reading:
            self._start_anew()
        return gap

    def _tell_lost(self, gap: Gap) -> bool:
        until = "until it is back" if self._give_up_s is None else f"for {self._give_up_s:g} s"
        log.warning("%s; trying again %s", gap.reason, until)
        return True

    def _start_anew(self) -> None:
        """Leave a thread that hangs in a read to itself; it lets go of the camera when it can."""
        self._hung = [link for link in self._hung if link.alive]
        if len(self._hung) >= MOST_HUNG:
            return
        self._link.stop()
        self._hung.append(self._link)
        self._link = self._new_link()
        self._link.reason = f"{self.name} does not answer"
        self._link.start(None, self.size)

    def _new_link(self) -> Link:
        again = self._give_up_s != 0
        return Link(self._mailbox, self.name, self._opener, again=again, rated=self._rated)


def open_camera(camera: Camera, settings: CameraSettings | None = None) -> Live:
    """Open a camera.

    Raises:
        SourceError: it is not there, in use, gives no frame, or cannot do what is asked.
    """
    wanted = settings or CameraSettings()
    opening = feed_av.open_camera if wanted.backend == "pyav" else feed_opencv.open_camera

    def again() -> Feed:
        found = find_camera(camera.id)
        if found is None:  # whatever has its device file now is another camera
            raise SourceError(f"{camera.name} ({camera.id}) is not plugged in")
        return opening(found, wanted)

    about = {"id": camera.id, "name": camera.name, "index": camera.index, "backend": wanted.backend}
    if asked := wanted.asked():
        about["asked"] = asked
    first = opening(camera, wanted)
    source = Live(again, camera.name, give_up_s=wanted.give_up_s, about=about, first=first)
    assert source.camera is not None
    log.info("%s", compared(source.camera))
    return source


def open_stream(
    address: str, settings: CameraSettings | None = None, *, realtime: bool = False
) -> Source:
    """Open a network address: a stream live, a video that has an end read whole as a file.

    Raises:
        SourceError: nothing answers there, or it is not video.
    """
    wanted = settings or CameraSettings()
    name = public_name(address)
    opening = feed_av.open_address if wanted.backend == "pyav" else feed_opencv.open_address
    feed = opening(address, name)
    if not feed.ends:

        def again() -> Feed:
            return opening(address, name)

        return Live(again, name, give_up_s=wanted.give_up_s, first=feed)
    feed.release()
    capture = open_capture(address, cv2.CAP_FFMPEG)
    if capture is None:
        raise SourceError(f"{name}: no video there; check the address and that it is being sent")
    return VideoFile(capture, name, realtime=realtime)


def compared(camera: Mapping[str, Any]) -> str:
    """What was asked of a camera, and what it does: one line."""
    mode, asked = camera["mode"], camera.get("asked", {})
    got = _said(mode)
    if not asked:
        return f"{camera['name']} gives {got}"
    same = all(_same(mode.get(name), value) for name, value in asked.items())
    return f"{camera['name']}: asked for {_said(asked)}, got {got}{'' if same else ' instead'}"


def _same(got: object, asked: object) -> bool:
    if isinstance(got, int | float) and isinstance(asked, int | float):
        return abs(got - asked) < 0.05 * max(abs(asked), 1)
    return got == asked or asked == "auto"


def _said(mode: Mapping[str, Any]) -> str:
    parts = []
    if mode.get("size"):
        parts.append("{}x{}".format(*mode["size"]))
    if mode.get("fps"):
        parts.append(f"{mode['fps']:g} fps")
    if mode.get("pixels"):
        parts.append(str(mode["pixels"]))
    parts += [f"{name} {mode[name]}" for name in ("exposure", "gain") if mode.get(name) is not None]
    return ", ".join(parts) or "its own mode"
