"""A session as rows: one for every frame of its source, lost ones too, a chunk at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engines.geometry import Points
from engines.skeleton import Skeleton
from realtime.record import Record
from realtime.session import Session, SessionError

CHUNK = 2048  # rows
MAX_ROWS = 100_000_000
MAX_SUBJECTS = 64


@dataclass(frozen=True, eq=False)
class Chunk:
    """n consecutive frames of S subjects with K keypoints.

    Attributes:
        first: number of the first frame.
        lost: (n,) bool, whether the source dropped the frame: nothing is known of it.
        time_ns: (n,) int64, rising; of a lost frame a guess, evenly between its neighbours.
        points: (n, S, K, 2) float32 frame pixels, NaN where missing.
        confidence: (n, S, K) float32 in [0, 1], NaN where missing.
    """

    first: int
    lost: NDArray[np.bool_]
    time_ns: NDArray[np.int64]
    points: Points
    confidence: Points

    def __len__(self) -> int:
        return len(self.lost)

    @property
    def numbers(self) -> range:
        """Of the frames."""
        return range(self.first, self.first + len(self))

    @property
    def triples(self) -> NDArray[np.float32]:
        """(n, S, K, 3): x, y, confidence."""
        return np.concatenate([self.points, self.confidence[..., None]], axis=-1)

    @property
    def scores(self) -> NDArray[np.float32]:
        """(n, S): mean confidence of the points that were found, NaN where none was."""
        found = np.isfinite(self.confidence)
        total = np.where(found, self.confidence, 0).sum(axis=-1)
        count = found.sum(axis=-1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Rows:
    """Iterate for chunks, as often as you like; memory holds one chunk.

    Attributes:
        raw: whether points are as found, not smoothed.
        count: rows; the last is the last processed frame.
        lost: how many of them the source dropped.
        subjects: ids, in the order of the arrays' second axis; never empty.
        first_ns: capture time of the first processed frame.
        period_ns: mean time from one frame to the next, 0 if there is only one.
    """

    session: Session
    raw: bool
    count: int
    lost: int
    subjects: tuple[int, ...]
    first_ns: int
    period_ns: int

    @classmethod
    def of(cls, session: Session, *, raw: bool = False) -> Self:
        """Read the session once, checking that frames and times rise.

        Raises:
            SessionError: they do not, or it has no frames or too many.
        """
        first: Record | None = None
        last: Record | None = None
        subjects: set[int] = set()
        lost = 0
        for record in session:
            _check(session, last, record)
            subjects.update(subject.id for subject in record.subjects)
            if len(subjects) > MAX_SUBJECTS:
                raise SessionError(f"{session.path}: more than {MAX_SUBJECTS} subjects")
            lost += record.frame - (-1 if last is None else last.frame) - 1
            first, last = first or record, record
        if first is None or last is None:
            raise SessionError(f"{session.path}: no frame in it, so nothing to show")
        period_ns = (last.time_ns - first.time_ns) // max(last.frame - first.frame, 1)
        return cls(
            session=session,
            raw=raw,
            count=last.frame + 1,
            lost=lost,
            subjects=tuple(sorted(subjects)) or (0,),
            first_ns=first.time_ns,
            period_ns=period_ns,
        )

    @property
    def skeleton(self) -> Skeleton:
        return self.session.skeleton

    @property
    def names(self) -> list[str]:
        """Of the subjects, for formats that want words."""
        return [f"id_{subject}" for subject in self.subjects]

    @property
    def model(self) -> str:
        """The name of the model that found the points; `model` if the session does not say."""
        card = self.session.facts["model"].get("card")
        return str(card.get("name", "model")) if isinstance(card, dict) else "model"

    @property
    def shown(self) -> str:
        """What the points were found in; empty if the session does not say."""
        return str(self.session.facts["source"].get("name") or "")

    def __iter__(self) -> Iterator[Chunk]:
        rows = self._rows()
        for first in range(0, self.count, CHUNK):
            yield self._chunk(first, list(islice(rows, min(CHUNK, self.count - first))))

    def _rows(self) -> Iterator[tuple[int, Record | None]]:
        """The time of every frame, and its record unless it was lost."""
        number, time_ns = -1, None
        for record in self.session:
            steps = record.frame - number
            before = record.time_ns - steps * self.period_ns if time_ns is None else time_ns
            for step in range(1, steps):
                yield before + (record.time_ns - before) * step // steps, None
            yield record.time_ns, record
            number, time_ns = record.frame, record.time_ns

    def _chunk(self, first: int, rows: list[tuple[int, Record | None]]) -> Chunk:
        shape = len(rows), len(self.subjects), len(self.skeleton.keypoints)
        points = np.full((*shape, 2), np.nan, np.float32)
        confidence = np.full(shape, np.nan, np.float32)
        for row, (_, record) in enumerate(rows):
            for subject in record.subjects if record else ():
                column = self.subjects.index(subject.id)
                points[row, column] = subject.raw_px if self.raw else subject.keypoints_px
                confidence[row, column] = subject.confidence
        missing = np.isnan(points).any(axis=-1)
        points[missing], confidence[missing] = np.nan, np.nan
        lost = np.array([record is None for _, record in rows])
        time_ns = np.array([time for time, _ in rows], np.int64)
        return Chunk(first, lost, time_ns, points, confidence)


def _check(session: Session, last: Record | None, record: Record) -> None:
    if last is not None and record.frame <= last.frame:
        raise SessionError(f"{session.path}: frame {record.frame} comes after {last.frame}")
    if last is not None and record.time_ns <= last.time_ns:
        raise SessionError(f"{session.path}: the time of frame {record.frame} does not rise")
    if record.frame >= MAX_ROWS or record.time_ns >= 1 << 62:
        raise SessionError(f"{session.path}: frame {record.frame} is beyond what can be shown")
