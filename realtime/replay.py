"""A recorded session as a source: its video's frames with the very times of the recording."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic_ns
from typing import Any

import cv2
import numpy as np

from engines.engine import shipped_models
from engines.errors import DataError
from engines.geometry import Image
from realtime.capture import open_capture
from realtime.frame import Frame
from realtime.pace import Pace
from realtime.record import Record
from realtime.session import Session, SessionError, open_session
from realtime.source import Source

log = logging.getLogger(__name__)


class Replay(Source):
    """The frames of a session's video, numbered and timed as they were when they were captured.

    Frames that were processed but are not in the video count as dropped. The clock of `time_ns` is
    the recording's; `anchor` ties it to wall-clock time.
    """

    live = False

    def __init__(self, session: Session, *, realtime: bool = False) -> None:
        """
        Args:
            realtime: hand the frames over at the pace of the recording, not as fast as they are
                taken.

        Raises:
            SessionError: the session has no video, or not one that can be decoded.
        """
        video = session.video
        if video is None:
            raise SessionError(
                f"{session.path}: has no video, so there is nothing to replay; record with --video"
            )
        capture = open_capture(str(video.resolve()), cv2.CAP_FFMPEG)
        if capture is None:
            raise SessionError(f"{video}: not a video that can be decoded; `keycam validate` it")
        facts = session.facts["source"]
        width, height = facts["size"]
        self.name = str(session.path)
        self.fps = facts["fps"]
        self.size = (width, height)
        self.dropped = 0
        self._session = session
        self._capture = capture
        self._pace = Pace(on=realtime)
        self._closed = False

    @property
    def facts(self) -> Mapping[str, Any]:
        """All of the session's `session.json`."""
        return self._session.facts

    def anchor(self) -> Mapping[str, Any]:
        """The same moment on the clock of the frames' times and on the wall."""
        clock: Mapping[str, Any] = self._session.facts["clock"]
        return clock

    def __iter__(self) -> Iterator[Frame]:
        shift_ns: int | None = None
        missed = 0  # frames since the last one yielded
        for record in self._session:
            missed += record.dropped + record.lost
            if record.video is None:
                missed += 1
                continue
            if (image := self._read()) is None:
                self._explain_end(record)
                return
            shift_ns = monotonic_ns() - record.time_ns if shift_ns is None else shift_ns
            self._pace.wait(record.time_ns + shift_ns)
            self.dropped += missed
            yield Frame(image, record.frame, record.time_ns, missed)
            missed = 0

    def close(self) -> None:
        self._closed = True
        self._capture.release()

    def _read(self) -> Image | None:
        """The next frame of the video, without the row and column its format may have added."""
        ok, image = self._capture.read() if not self._closed else (False, None)
        if not ok or image is None:
            return None
        width, height = self.size
        return np.ascontiguousarray(np.asarray(image, np.uint8)[:height, :width])

    def _explain_end(self, record: Record) -> None:
        if not self._closed:
            log.warning("%s: the video ends before frame %d", self.name, record.frame)


def open_replay(path: str | Path, *, realtime: bool = False) -> Replay:
    """Open a session to be tracked once more.

    Raises:
        SessionError: no session there, or it has no video that can be decoded.
    """
    return Replay(open_session(path), realtime=realtime)


def model_of(facts: Mapping[str, Any]) -> str:
    """The name of the shipped model that made a session, from what it says of its model.

    Raises:
        DataError: another model made it.
    """
    name = Path(str(facts.get("file", ""))).stem
    if name not in shipped_models():
        raise DataError(
            f"recorded with {name or 'an unknown model'}, not a shipped one; name it: -m"
        )
    return name
