"""A session: the folder one recording writes, and how it is read back.

    session.json   what made it: see `realtime.facts`
    poses.jsonl    one line per processed frame, in order: see `realtime.record`
    events.jsonl   lost, found, gaps and marks, in order: see `realtime.event`
    video.mp4      if it was asked for: the frames, with their own times; there from the second
                   frame on; see `realtime.film`

All of it but the video is strict JSON. Coordinates are frame pixels, times nanoseconds of the
recording machine's monotonic clock; "clock" in `session.json` ties one such time to a wall-clock
time. Nothing here runs a model, or imports what does.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from engines.errors import DataError, KeycamError
from engines.skeleton import Skeleton
from realtime.event import Event
from realtime.facts import MAX_FACTS_BYTES, check_facts
from realtime.lines import Lines
from realtime.record import Record, parse

FACTS_FILE = "session.json"
POSES_FILE = "poses.jsonl"
EVENTS_FILE = "events.jsonl"
VIDEO_FILE = "video.mp4"
MAX_LINE_BYTES = 1 << 20

T = TypeVar("T")


class SessionError(KeycamError):
    """A recording cannot be written or read."""


@dataclass(eq=False)
class Session:
    """A session on disk; iterate for its records, as often as you like.

    Attributes:
        facts: all of `session.json`, checked.
        skeleton: of every subject in it.
        truncated: whether the last iteration, over records or events, ended at a line that was
            cut off. It is left out: the recording was killed there.
    """

    path: Path
    facts: Mapping[str, Any]
    skeleton: Skeleton
    truncated: bool = field(default=False, init=False)

    @property
    def closed(self) -> bool:
        """Whether the recording was closed properly, not killed."""
        return "end" in self.facts

    @property
    def video(self) -> Path | None:
        """The file of its video; None without one, and if not enough was filmed for one.

        Raises:
            SessionError: it is gone, or not a file in the session's own folder.
        """
        about = self.facts.get("video")
        if not about:
            return None
        noted = self.facts.get("end", {}).get("video", {"frames": 0})
        if not noted["frames"] and not os.path.lexists(inside(self.path, about["file"])):
            return None
        return find(self.path, about["file"])

    def __iter__(self) -> Iterator[Record]:
        """Yield the records in order.

        Raises:
            SessionError: a line is not what it should be; it is named by its number.
        """
        points = len(self.skeleton.keypoints)
        yield from self._read(POSES_FILE, lambda line: Record.from_line(line, points))

    def events(self) -> Iterator[Event]:
        """Yield the events in order; a last line that was cut off is left out.

        Raises:
            SessionError: a line is not what it should be; it is named by its number.
        """
        yield from self._read(EVENTS_FILE, Event.from_line)

    def lines(self, name: str) -> Lines:
        """The lines of one of its files.

        Raises:
            SessionError: it is not there, or not in the session's own folder.
        """
        return Lines(find(self.path, name), MAX_LINE_BYTES)

    def _read(self, name: str, make: Callable[[bytes], T]) -> Iterator[T]:
        self.truncated = False
        lines = self.lines(name)
        try:
            for where, line in lines:
                try:
                    made = make(line)
                except DataError as error:
                    raise SessionError(f"{where}: {error}") from error
                yield made
        except DataError as error:
            raise SessionError(str(error)) from error
        self.truncated = lines.cut_off


def open_session(path: str | Path) -> Session:
    """Open a recorded session; its records are read when it is iterated.

    Raises:
        SessionError: no session there, damaged, or of another schema.
    """
    folder = Path(path)
    if not is_session(folder):
        raise SessionError(f"{path}: no session there (no {FACTS_FILE}); name a recorded folder")
    file = find(folder, FACTS_FILE)
    try:
        facts = parse(_load(file))
        check_facts(facts)
        return Session(folder, facts, Skeleton.from_dict(facts["skeleton"]))
    except DataError as error:
        raise SessionError(f"{file}: {error}") from error


open = open_session


def is_session(path: Path) -> bool:
    """Whether `path` is a folder that holds a `session.json`."""
    return (path / FACTS_FILE).is_file()


def find(folder: Path, name: str) -> Path:
    """A plain file directly in `folder`; neither a path nor a link leads out of it.

    Raises:
        SessionError: there is no such file.
    """
    file = inside(folder, name)
    try:
        if file.resolve(strict=True).parent != folder.resolve(strict=True):
            raise SessionError(f"{file}: a link out of the session's folder; refused")
        if not stat.S_ISREG(file.stat().st_mode):
            raise SessionError(f"{file}: not a plain file; refused")
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        reason = getattr(error, "strerror", None) or error
        raise SessionError(f"{file}: cannot be read ({reason})") from error
    return file


def inside(folder: Path, name: str) -> Path:
    """Where a file of that name is, or would be, directly in `folder`.

    Raises:
        SessionError: the name leads elsewhere.
    """
    if Path(name).name != name or name in ("", "..") or "\\" in name or "\0" in name:
        raise SessionError(f"{folder}: {name!r} is not the name of a file in it; refused")
    return folder / name


def _load(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            text = opened.read(MAX_FACTS_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})") from error
    if len(text) > MAX_FACTS_BYTES:
        raise DataError(f"larger than {MAX_FACTS_BYTES} bytes; not a session")
    return text
