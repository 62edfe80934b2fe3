"""The sink that records: poses, events and, if asked for, the frames, to a session folder.

The loop only puts things into bounded queues; one thread writes poses and events, another encodes
the video. Whenever the writer has nothing to write it has flushed, so a kill loses what was in the
queue and no more. When the disk fails, the live loop goes on: the user is told once by the log, as
long as it lasts by `Timings.notice`, and again by `close`.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic_ns
from typing import Any, Literal

from engines.engine import Engine
from engines.skeleton import Skeleton
from realtime.event import Event, Kind, Watch
from realtime.facts import SCHEMA
from realtime.film import Film
from realtime.folder import make_folder, write_facts
from realtime.frame import Frame, Pose
from realtime.gap import Gap
from realtime.record import Record
from realtime.session import VIDEO_FILE, SessionError
from realtime.source import Source
from realtime.timing import Timings
from realtime.writer import Writer

Quality = Literal["lossy", "lossless"]

log = logging.getLogger(__name__)


def clock() -> dict[str, Any]:
    """The same moment on both clocks."""
    return {"monotonic_ns": monotonic_ns(), "wall": datetime.now(UTC).isoformat()}


class Recorder:
    """Writes one session folder; see `realtime.session` for what is in it.

    From a file nothing is lost: the loop waits for the disk. A live loop never waits; poses that
    find the queue full are lost and counted, and so are frames of the video.

    Attributes:
        path: the session folder.
    """

    def __init__(
        self,
        path: str | Path,
        source: Source,
        skeleton: Skeleton,
        *,
        model: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        video: Quality | None = None,
        anchor: Callable[[], Mapping[str, Any]] = clock,
    ) -> None:
        """Create the folder with `session.json` and empty streams; all appear at once.

        Args:
            model: as from `describe_model`.
            options: of the command, plain JSON values.
            video: how to keep the frames; None not to.
            anchor: ties the clock of the frames' times to wall-clock time.

        Raises:
            SessionError: `path` exists already, or cannot be made, or there is no encoder.
        """
        self.path = Path(path)
        self._anchor = anchor
        self._waits = not source.live
        self._film: Film | None = None
        if video is not None:
            exact = video == "lossless"
            self._film = Film(source.size, source.fps, lossless=exact, waits=self._waits)
        self._facts: dict[str, Any] = {
            "schema": SCHEMA,
            "keycam": version("keycam"),
            "model": dict(model or {}),
            "source": _describe_source(source),
            "skeleton": skeleton.to_dict(),
            "clock": dict(anchor()),
            "options": dict(options or {}),
            "video": self._film and self._film.facts(VIDEO_FILE),
        }
        self._watch = Watch(source.fps)
        self._events: list[Event] = []  # seen, not yet queued
        self._taken = self._dropped = self._unqueued = 0
        self._missed = self._missed_dropped = 0  # taken and dropped since the last one queued
        self._told = self._closed = False
        self._open()

    def _open(self) -> None:
        make_folder(self.path, self._facts)
        try:
            self._writer = Writer(self.path)
            if self._film:
                self._film.start(self.path / VIDEO_FILE)
        except OSError as error:
            raise self._complaint("recording", error, 0) from error

    @property
    def written(self) -> int:
        """Poses handed to the disk so far."""
        return self._writer.written

    @property
    def lost(self) -> int:
        """Poses that are not and will not be written: the queue was full, or the disk failed."""
        final = self._closed or self._writer.error is not None
        return self._taken - self.written if final else self._unqueued

    @property
    def unfilmed(self) -> int:
        """Frames processed that the video, if there is one, does not get."""
        return self._taken - self._film.taken if self._film else 0

    @property
    def notice(self) -> str:
        """What the user should see now; "" if all is well."""
        if self._writer.error is not None:
            return f"recording stopped: {_reason(self._writer.error)}"
        if self._film and self._film.error is not None:
            return f"video stopped: {_reason(self._film.error)}"
        if self._unqueued:
            return f"recording: {self._unqueued} poses lost"
        missing = self.unfilmed
        return f"recording: {missing} frames are missing in the video" if missing else ""

    def mark(self, frame: Frame, text: str = "", kind: Kind = Kind.MARK) -> None:
        """Note an event at `frame`, which is given to `take` next or was so last."""
        self._events.append(Event(frame.time_ns, frame.index, kind, text))

    def note(self, options: Mapping[str, Any]) -> None:
        """Change options in `session.json`, at once; a disk that fails is told as ever."""
        self._facts["options"] = {**self._facts["options"], **options}
        try:
            write_facts(self.path, self._facts)
        except OSError as error:
            self._writer.error = self._writer.error or error

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        self._events += self._watch.see(frame, pose)
        self._taken += 1
        self._dropped += frame.dropped
        self._missed_dropped += frame.dropped
        film = self._film if self._film and not self._writer.error else None
        number = film.taken if film and film.room(frame) else None
        record = Record.of(
            frame, pose, stats.age_ms, dropped=self._missed_dropped, lost=self._missed, video=number
        )
        if self._writer.put(record, tuple(self._events), wait=self._waits):
            self._events.clear()
            self._missed = self._missed_dropped = 0
            if film and number is not None:
                film.put(frame)
        else:
            self._unqueued += 1
            self._missed += 1
        stats.notice = self.notice
        self._tell()

    def gone(self, gap: Gap, stats: Timings) -> None:
        """Note at once that the camera is gone, lest a kill in the gap hide it."""
        self._events += self._watch.lose(gap)
        if self._events and self._writer.put(None, tuple(self._events), wait=False):
            self._events.clear()
        stats.notice = self.notice
        self._tell()

    def close(self) -> None:
        """Write what is queued, then note the end in `session.json`.

        Raises:
            SessionError: the disk failed at some time; what was written before is kept.
        """
        if not self._closed:
            self._writer.put(None, tuple(self._events), wait=True)
            self._writer.close()
            if self._film:
                self._film.close()
            self._closed = True
            self._note_end()
        for what, error, frames in self._errors():
            if not isinstance(error, OSError):
                raise error
            raise self._complaint(what, error, frames) from error

    def _note_end(self) -> None:
        end: dict[str, Any] = {
            "frames": self.written,
            "lost": self.lost,
            "dropped": self._dropped,
            "captured": self.written + self.lost + self._dropped,
            "clock": dict(self._anchor()),
        }
        if self._watch.gaps:
            end["gaps"] = {"count": self._watch.gaps, "seconds": self._watch.gone_ns / 1e9}
        if self._film:
            end["video"] = {
                "frames": self._film.written,
                "lost": self._taken - self._film.written,
            }
        for what, error, _ in self._errors():
            table = end if what == "recording" else end["video"]
            table["error"] = _reason(error)
        try:
            write_facts(self.path, {**self._facts, "end": end})
        except OSError as error:
            self._writer.error = self._writer.error or error

    def _errors(self) -> list[tuple[str, Exception, int]]:
        """What failed, with what, after how many frames."""
        found: list[tuple[str, Exception, int]] = []
        if self._writer.error is not None:
            found.append(("recording", self._writer.error, self.written))
        if self._film and self._film.error is not None:
            found.append(("video", self._film.error, self._film.written))
        return found

    def _tell(self) -> None:
        """Say once that something failed."""
        if not self._told and (errors := self._errors()):
            self._told = True
            log.error("%s", self._complaint(*errors[0]))

    def _complaint(self, what: str, error: Exception, frames: int) -> SessionError:
        return SessionError(
            f"{self.path}: {what} stopped after {frames} frames ({_reason(error)}); "
            "make room or choose another -o, then record again"
        )


def describe_model(engine: Engine, path: Path) -> dict[str, Any]:
    """What `session.json` says about the model: its card, its file's sha256, and who runs it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "card": engine.card.facts(),
        "file": path.name,
        "sha256": digest,
        "engine": engine.name,
        "precision": engine.precision,
    }


def _describe_source(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "live": source.live,
        "size": list(source.size),
        "fps": source.fps,
        "camera": source.camera and dict(source.camera),
    }


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split())[:200]
