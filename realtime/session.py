"""A session: the folder one recording writes, and how it is read back.

    session.json   what made it: schema, versions, model, source, skeleton, clock anchor, options;
                   "end" (frames, lost, clock) only once the recording was closed
    poses.jsonl    one line per processed frame, in order: see `realtime.record`

Both are strict JSON. Coordinates are frame pixels, times nanoseconds of the recording machine's
monotonic clock; "clock" ties one such time to a wall-clock time.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from engines.errors import DataError, KeycamError
from engines.skeleton import Skeleton
from realtime.record import Record, check_keys, parse

SCHEMA = "keycam.session/1"
FACTS_FILE = "session.json"
POSES_FILE = "poses.jsonl"
MAX_FACTS_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 20

_FACTS = frozenset({"schema", "keycam", "model", "source", "skeleton", "clock", "options"})

log = logging.getLogger(__name__)


class SessionError(KeycamError):
    """A recording cannot be written or read."""


@dataclass(eq=False)
class Session:
    """A session on disk; iterate for its records, as often as you like.

    Attributes:
        facts: all of `session.json`.
        skeleton: of every subject in it.
        truncated: whether the last iteration met a last line that was cut off. It is left out:
            the recording was killed there.
    """

    path: Path
    facts: Mapping[str, Any]
    skeleton: Skeleton
    truncated: bool = field(default=False, init=False)

    @property
    def closed(self) -> bool:
        """Whether the recording was closed properly, not killed."""
        return "end" in self.facts

    def __iter__(self) -> Iterator[Record]:
        """Yield the records in order.

        Raises:
            SessionError: a line is not what it should be; it is named by its number.
        """
        self.truncated = False
        poses = self.path / POSES_FILE
        try:
            with poses.open("rb") as file:
                yield from self._records(file, str(poses))
        except OSError as error:
            raise SessionError(f"{poses}: cannot be read ({error.strerror})") from error

    def _records(self, file: BinaryIO, name: str) -> Iterator[Record]:
        points = len(self.skeleton.keypoints)
        lines = iter(lambda: file.readline(MAX_LINE_BYTES), b"")
        for number, line in enumerate(lines, start=1):
            where = f"{name}:{number}"
            if len(line) == MAX_LINE_BYTES:
                raise SessionError(f"{where}: longer than {MAX_LINE_BYTES} bytes; not a session")
            if not line.endswith(b"\n"):
                self.truncated = True
                log.warning("%s: the last line is cut off and left out", where)
                return
            try:
                record = Record.from_line(line, points)
            except DataError as error:
                raise SessionError(f"{where}: {error}") from error
            yield record


def open_session(path: str | Path) -> Session:
    """Open a recorded session; its records are read when it is iterated.

    Raises:
        SessionError: no session there, damaged, or of another schema.
    """
    file = Path(path) / FACTS_FILE
    if not file.is_file():
        raise SessionError(f"{path}: no session there (no {FACTS_FILE}); name a recorded folder")
    try:
        facts = parse(_read(file))
        if facts.get("schema") != SCHEMA:
            raise DataError(f"its schema is not {SCHEMA}; read it with the keycam it came from")
        check_keys(facts, _FACTS, frozenset({"end"}))
        return Session(Path(path), facts, Skeleton.from_dict(facts["skeleton"]))
    except DataError as error:
        raise SessionError(f"{file}: {error}") from error


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            text = opened.read(MAX_FACTS_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})") from error
    if len(text) > MAX_FACTS_BYTES:
        raise DataError(f"larger than {MAX_FACTS_BYTES} bytes; not a session")
    return text
