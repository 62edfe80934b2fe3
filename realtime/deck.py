"""Recordings on demand: started and ended while the loop runs, each a session of its own."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

from engines.errors import KeycamError
from realtime.controls import Controls, Value
from realtime.event import Kind
from realtime.filename import by_time
from realtime.frame import Frame, Pose
from realtime.gap import Gap
from realtime.recorder import Recorder
from realtime.timing import Timings

log = logging.getLogger(__name__)


class Deck:
    """The sink that records when it is told to, to new folders in `folder`, named by the time.

    A session's frames are numbered from its first one, so that none counts as missing before it;
    their times are those of the source's clock, as ever. While the view is paused, recording goes
    on. A recording that ends is finished by a thread of its own; the loop does not wait.

    Attributes:
        recorded: the folders of all recordings, oldest first.
    """

    def __init__(self, folder: Path, make: Callable[[Path], Recorder], controls: Controls) -> None:
        """
        Args:
            make: opens the recorder of a new session folder; what it raises as a KeycamError is
                told, and the loop goes on.
        """
        self.recorded: list[Path] = []
        self._folder = folder
        self._make = make
        self._controls = controls
        self._recorder: Recorder | None = None
        self._first: int | None = None  # number of the first frame recorded
        self._ending: list[Thread] = []
        self._errors: list[Exception] = []

    def switch(self, frame: Frame, value: Value = None) -> None:  # noqa: ARG002 (a handler)
        """Start or end a recording; the frame that comes next is the first in it, or not in it."""
        on = self._recorder is None if value is None else bool(value)
        if on and self._recorder is None:
            self._start()
        elif not on and self._recorder is not None:
            self._end()

    def mark(self, frame: Frame, text: str = "", kind: Kind = Kind.MARK) -> None:
        """Note an event at `frame` if a recording runs."""
        if self._recorder is not None:
            self._recorder.mark(self._numbered(frame), text, kind)

    def note(self, options: Mapping[str, Any]) -> None:
        """Change options of the recording, if one runs."""
        if self._recorder is not None:
            self._recorder.note(options)

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        if self._recorder is None:
            return
        own = self._numbered(frame)
        if self._first is None:
            self._first, own = frame.index, replace(own, dropped=0)
        self._recorder.take(own, pose, stats)

    def gone(self, gap: Gap, stats: Timings) -> None:
        """Note that the camera is gone if a recording runs."""
        if self._recorder is not None:
            self._recorder.gone(gap, stats)

    def close(self) -> None:
        """End the recording that runs, and wait for all to be finished.

        Raises:
            SessionError: the disk failed for one of them.
        """
        if self._recorder is not None:
            self._end()
        for thread in self._ending:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _numbered(self, frame: Frame) -> Frame:
        first = frame.index if self._first is None else self._first
        return replace(frame, index=frame.index - first)

    def _start(self) -> None:
        (path,) = by_time(self._folder, "")
        try:
            self._recorder = self._make(path)
        except KeycamError as error:
            log.error("%s", error)
            self._controls.say(f"not recording: {error}")
            return
        self._first = None
        self.recorded.append(path)
        self._controls.recording(path)
        self._controls.say(f"recording {path.name}")

    def _end(self) -> None:
        assert self._recorder is not None
        recorder, self._recorder = self._recorder, None
        thread = Thread(target=self._finish, args=(recorder,), name=f"finish {recorder.path}")
        thread.start()
        self._ending = [*(one for one in self._ending if one.is_alive()), thread]
        self._controls.recording(None)
        self._controls.say(f"recorded {recorder.path.name}")

    def _finish(self, recorder: Recorder) -> None:
        try:
            recorder.close()
        except Exception as error:  # noqa: BLE001 (`close` raises it)
            self._errors.append(error)
            log.error("%s", error)
            self._controls.say(f"recording failed: {error}")
        else:
            log.info("recorded %s: %d frames", recorder.path, recorder.written)
