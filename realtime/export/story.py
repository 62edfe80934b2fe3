"""What a plot tells of a session, short enough to draw however long the session was."""

from array import array
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engines.geometry import Points
from realtime.event import GAP_NS, GAP_PERIODS
from realtime.export.rows import Rows
from realtime.record import Record

MOMENTS = 3000  # at most, along time


@dataclass(frozen=True, eq=False)
class Story:
    """T moments of one subject with K keypoints; a moment stands for `stride` frames.

    Attributes:
        edges_s: (T + 1,) when the moments begin and end, seconds since the first processed frame.
        points: (T, K, 2) float32 frame pixels of the moments' first frames, NaN where missing.
        confidence: (T, K) float32, NaN where missing.
        kinds: (T, 3) how many frames of each moment were found, were processed without finding
            anything, and were lost.
        latency_ms: (n,) of all processed frames.
        pauses_s: (n, 2) begin and end of the times in which no frame was even captured, if they are
            gaps by the rule of events, and long enough to be seen.
        dropped: frames that the source dropped; the other lost ones were not recorded.
    """

    rows: Rows
    edges_s: NDArray[np.float64]
    points: Points
    confidence: Points
    kinds: NDArray[np.int64]
    latency_ms: NDArray[np.float64]
    pauses_s: NDArray[np.float64]
    dropped: int

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Read the session twice; memory holds the moments and one latency per frame.

        Raises:
            SessionError: it cannot be read.
        """
        stride = -(-rows.count // MOMENTS)
        times, points, confidence, found, lost = [], [], [], [], []
        for chunk in rows:
            shown = slice(-chunk.first % stride, None, stride)
            times.append(chunk.time_ns[shown])
            points.append(chunk.points[shown, 0])
            confidence.append(chunk.confidence[shown, 0])
            found.append(np.isfinite(chunk.confidence[:, 0]).any(axis=1))
            lost.append(chunk.lost)
        latency_ms, pauses_ns, dropped = array("d"), [], 0
        last: Record | None = None
        for record in rows.session:
            latency_ms.append(record.latency_ms)
            dropped += record.dropped
            if last and record.frame == last.frame + 1 and _pause(rows, last, record):
                pauses_ns.append((last.time_ns, record.time_ns))
            last = record
        start_s = (np.concatenate(times) - rows.first_ns) / 1e9
        end_s = start_s[-1] + (rows.period_ns or 33_000_000) * stride / 1e9
        return cls(
            rows=rows,
            edges_s=np.append(start_s, end_s),
            points=np.concatenate(points),
            confidence=np.concatenate(confidence),
            kinds=_kinds(np.concatenate(found), np.concatenate(lost), stride),
            latency_ms=np.frombuffer(latency_ms),
            pauses_s=(np.array(pauses_ns, np.int64).reshape(-1, 2) - rows.first_ns) / 1e9,
            dropped=dropped,
        )

    @property
    def captured(self) -> tuple[int, int, int]:
        """All frames: found, nothing found, lost."""
        found, empty, lost = self.kinds.sum(axis=0).tolist()
        return found, empty, lost


def _pause(rows: Rows, last: Record, record: Record) -> bool:
    """Whether much time passed between two frames."""
    seen_ns = rows.period_ns * rows.count // 1000  # thinner than a line
    return record.time_ns - last.time_ns > max(GAP_NS, GAP_PERIODS * rows.period_ns, seen_ns)


def _kinds(found: NDArray[np.bool_], lost: NDArray[np.bool_], stride: int) -> NDArray[np.int64]:
    each = np.stack([found, ~found & ~lost, lost], axis=1)
    return np.add.reduceat(each.astype(np.int64), range(0, len(each), stride), axis=0)
