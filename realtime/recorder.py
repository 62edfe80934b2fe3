"""The sink that records: every frame's pose, streamed to a session folder.

The loop only puts frames' poses into a bounded queue; one thread writes them. Whenever that thread
has nothing to write it has flushed, so a kill loses what was in the queue and no more. When the
disk fails, the live loop goes on: the user is told once, and again by `close`.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from errno import ENOENT
from importlib.metadata import version
from pathlib import Path
from queue import Full, Queue
from shutil import rmtree
from threading import Thread
from time import monotonic_ns
from typing import Any, BinaryIO

from engines.engine import Engine
from engines.skeleton import Skeleton
from realtime.frame import Frame, Pose
from realtime.record import Record
from realtime.session import FACTS_FILE, POSES_FILE, SCHEMA, SessionError
from realtime.source import Source
from realtime.timing import Timings

QUEUE = 512  # poses that may wait for the disk
FLUSH_NS = 50_000_000  # the longest that a written line stays in our memory
CHECK_NS = 500_000_000  # how often to look whether the file is still there

log = logging.getLogger(__name__)


class Recorder:
    """Writes one session folder; see `realtime.session` for what is in it.

    From a file no pose is lost: the loop waits for the disk. A live loop never waits; poses that
    find the queue full are lost and counted.

    Attributes:
        path: the session folder.
        written: lines handed to the disk so far.
    """

    def __init__(
        self,
        path: str | Path,
        source: Source,
        skeleton: Skeleton,
        *,
        model: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Create the folder with `session.json` and an empty stream; both appear at once.

        Args:
            model: as from `describe_model`.
            options: of the command, plain JSON values.

        Raises:
            SessionError: `path` exists already, or cannot be made.
        """
        self.path = Path(path)
        self.written = 0
        self._waits = not source.live
        self._facts = {
            "schema": SCHEMA,
            "keycam": version("keycam"),
            "model": dict(model or {}),
            "source": _describe_source(source),
            "skeleton": skeleton.to_dict(),
            "clock": clock(),
            "options": dict(options or {}),
        }
        self._file = _create(self.path, self._facts)
        self._flushed = self._checked = monotonic_ns()
        self._unqueued = self._unwritten = 0  # one counter for each thread
        self._error: Exception | None = None
        self._queue: Queue[Record | None] = Queue(QUEUE)
        self._thread = Thread(target=self._write_all, name=f"record {self.path}", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Poses not written: the queue was full, or the disk failed."""
        return self._unqueued + self._unwritten

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        record = Record.of(frame, pose, stats.age_ms)
        try:
            self._queue.put(record, block=self._waits)
        except Full:
            self._unqueued += 1

    def close(self) -> None:
        """Write what is queued, then note the end in `session.json`.

        Raises:
            SessionError: the disk failed at some time; what was written before is kept.
        """
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _write_all(self) -> None:
        while (record := self._queue.get()) is not None:
            if self._error is not None or not self._guard(self._write, record):
                self._unwritten += 1
        self._guard(self._file.close)
        self._guard(self._note_end)

    def _guard(self, step: Callable[..., None], *arguments: Any) -> bool:
        """Do `step`; its first failure is told to the user and kept for the owner."""
        try:
            step(*arguments)
        except Exception as error:  # noqa: BLE001 (raised by close)
            if self._error is None:
                self._error = self._complaint(error) if isinstance(error, OSError) else error
                log.error("%s", self._error)
            return False
        return True

    def _complaint(self, error: OSError) -> SessionError:
        complaint = SessionError(
            f"{self.path}: recording stopped after {self.written} frames "
            f"({error.strerror or error}); make room or choose another -o, then record again"
        )
        complaint.__cause__ = error
        return complaint

    def _write(self, record: Record) -> None:
        self._file.write(record.to_line())
        now = monotonic_ns()
        if self._queue.empty() or now - self._flushed > FLUSH_NS:
            self._file.flush()
            self._flushed = now
        if now - self._checked > CHECK_NS:
            self._check_there()
            self._checked = now
        self.written += 1

    def _check_there(self) -> None:
        """A file that somebody deleted takes everything and keeps nothing."""
        if os.fstat(self._file.fileno()).st_nlink == 0:
            raise FileNotFoundError(ENOENT, "the session was deleted")

    def _note_end(self) -> None:
        end = {"frames": self.written, "lost": self.lost, "clock": clock()}
        _write_json(self.path / FACTS_FILE, {**self._facts, "end": end})


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
    }


def clock() -> dict[str, Any]:
    """The same moment on both clocks."""
    return {"monotonic_ns": monotonic_ns(), "wall": datetime.now(UTC).isoformat()}


def _create(path: Path, facts: Mapping[str, Any]) -> BinaryIO:
    """Make the folder beside its place, complete, and move it there; open its stream."""
    if path.exists() or path.is_symlink():
        raise SessionError(f"{path} exists already and is not overwritten; choose another -o")
    staging = path.parent / f".{path.name}.{os.getpid()}.part"
    try:
        staging.mkdir(parents=True)
        _write_json(staging / FACTS_FILE, facts)
        (staging / POSES_FILE).touch()
        staging.rename(path)
        return (path / POSES_FILE).open("ab")
    except OSError as error:
        rmtree(staging, ignore_errors=True)
        raise SessionError(
            f"{path}: cannot be created ({error.strerror}); choose another -o"
        ) from error


def _write_json(path: Path, table: Mapping[str, Any]) -> None:
    """Write a file that is either the old one or the whole new one, whatever happens."""
    part = path.with_name(f".{path.name}.part")
    text = json.dumps(table, allow_nan=False, ensure_ascii=False, indent=1)
    part.write_text(text + "\n", "utf-8")
    part.replace(path)
