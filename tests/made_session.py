"""Sessions with known contents: lost frames, frames without a subject, points without a place."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from doubles import frames

from engines import Roi, Skeleton
from realtime.frame import State
from realtime.memory import Memory
from realtime.record import Record, Subject
from realtime.recorder import Recorder

COUNT = 30  # frames of the source
LOST = (0, 7, 8, 9, 21)  # never delivered
EMPTY = (3, 4)  # delivered, nothing found
HOLE = (5, 1)  # frame 5: keypoint 1 has no place
STEP_NS = 33_300_000


def made_session(
    path: Path, skeleton: Skeleton, *, count: int = COUNT, subjects: Sequence[int] = (0,)
) -> Path:
    """A closed session of `count` frames; its points are `place` and `place` + 0.25 smoothed."""
    model = {"card": {"name": "made up"}, "engine": "none"}
    Recorder(path, Memory([frames(1)[0].image]), skeleton, model=model).close()
    with (path / "poses.jsonl").open("wb") as file:
        for record in made_records(skeleton, count, subjects):
            file.write(record.to_line())
    return path


def made_records(skeleton: Skeleton, count: int, subjects: Sequence[int]) -> Iterator[Record]:
    dropped = 0
    for number in range(count):
        if number in LOST:
            dropped += 1
            continue
        there = () if number in EMPTY else tuple(_subject(skeleton, number, id) for id in subjects)
        state = State.TRACK if there else State.SEARCH
        time_ns = made_time_ns(number)
        roi = Roi(10, 10, 40) if there else None
        yield Record(number, time_ns, dropped, state, roi, there, 3.0 + number % 5)
        dropped = 0


def made_time_ns(number: int) -> int:
    """Uneven, as a camera's are."""
    return 5_000_000_000 + number * STEP_NS + (number % 3) * 1_000_000


def place(skeleton: Skeleton, number: int, subject: int = 0) -> np.ndarray:
    """(K, 2) float32: where the points of a subject are in a frame, raw."""
    k = np.arange(len(skeleton.keypoints))
    x = 10 + 3 * k + 0.5 * (number % 100) + 20 * subject
    return np.stack([x, 40 - 2 * k + 0.25 * (number % 100)], axis=1).astype(np.float32)


def confidence(skeleton: Skeleton, number: int) -> np.ndarray:
    """(K,) float32."""
    return (0.5 + (np.arange(len(skeleton.keypoints)) + number) % 4 / 8).astype(np.float32)


def _subject(skeleton: Skeleton, number: int, subject: int) -> Subject:
    raw, sure = place(skeleton, number, subject), confidence(skeleton, number)
    if number == HOLE[0]:
        raw[HOLE[1]], sure[HOLE[1]] = np.nan, np.nan
    return Subject(subject, raw, raw + np.float32(0.25), sure)


def truth(skeleton: Skeleton, *, count: int = COUNT, subject: int = 0, raw: bool = False):
    """What every export should hold: (count, K, 2) and (count, K), NaN where missing."""
    shape = count, len(skeleton.keypoints)
    points, sure = np.full((*shape, 2), np.nan), np.full(shape, np.nan)
    for number in set(range(count)) - set(LOST) - set(EMPTY):
        points[number] = place(skeleton, number, subject) + (0 if raw else 0.25)
        sure[number] = confidence(skeleton, number)
    points[HOLE], sure[HOLE] = np.nan, np.nan
    return points, sure
