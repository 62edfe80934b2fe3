"""Poses for the Lab Streaming Layer: a `MoCap` stream, and a `Markers` stream of events.

The stream NAME ("keycam" unless the address has one) has x, y and confidence of each point, frame
pixels (x right, y down), at an irregular rate; where nothing was found x and y are NaN and the
confidence is 0. NAME-events has what happened, as in a session's events: `found`, `lost`, and
`gap` with its length. Stamps are the frames' captures on LSL's clock, so what tracking took is
already allowed for. Of several subjects the first is sent.

LSL has no tokens: every machine on the local network can find and read its streams.
"""

import logging
from time import monotonic_ns
from types import ModuleType
from typing import Any

import numpy as np

from engines.errors import DataError
from realtime.event import Watch
from realtime.frame import Frame, Pose
from realtime.record import Record
from realtime.stream.address import Address
from realtime.stream.message import Hello

NAME = "keycam"
CHANNELS = (("x", "PositionX", "pixels"), ("y", "PositionY", "pixels"), ("c", "Confidence", ""))
CLOCK_READINGS = 20

log = logging.getLogger(__name__)


class Lsl:
    """The two outlets."""

    def __init__(self, address: Address, hello: Hello) -> None:
        """
        Raises:
            DataError: pylsl does not find its library.
            ModuleNotFoundError: pylsl is not installed.
        """
        pylsl = _pylsl()
        name = address.name or NAME
        self.name = f"lsl:{name}"
        self._nothing = np.array([np.nan, np.nan, 0] * len(hello.skeleton.keypoints))
        self._watch = Watch(hello.fps)
        self._ahead_s = clock_difference()
        own = f"keycam {hello.source} {hello.model}"
        self._poses = pylsl.StreamOutlet(_poses_info(name, hello, own))
        kind = (1, pylsl.IRREGULAR_RATE, pylsl.cf_string)
        events = pylsl.StreamInfo(f"{name}-events", "Markers", *kind, f"{own} events")
        self._events = pylsl.StreamOutlet(events)
        log.info("%s: any machine on the local network can read it", self.name)

    def send(self, frame: Frame, record: Record) -> None:
        time_s = record.time_ns / 1e9 + self._ahead_s
        values = self._nothing
        for subject in record.subjects[:1]:
            values = np.column_stack((subject.keypoints_px, subject.confidence)).ravel()
        self._poses.push_sample(values.tolist(), time_s)
        for event in self._watch.see(frame, Pose(record.state)):
            self._events.push_sample([f"{event.kind} {event.text}".strip()], time_s)

    def close(self) -> None:
        del self._poses, self._events  # which is how pylsl closes them


def _pylsl() -> ModuleType:
    try:
        import pylsl
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:100]
        raise DataError(
            f"--to lsl: pylsl finds no liblsl ({reason}); pylsl 1.18 or later from PyPI brings it"
        ) from error
    library: ModuleType = pylsl
    return library


def clock_difference() -> float:
    """Seconds by which LSL's clock is ahead of the monotonic one, by the quickest of readings.

    Both tick alike; on Linux they are one.
    """
    pylsl = _pylsl()
    readings: list[tuple[int, float]] = []
    for _ in range(CLOCK_READINGS):
        before = monotonic_ns()
        there_s: float = pylsl.local_clock()
        after = monotonic_ns()
        readings.append((after - before, there_s - (before + after) / 2e9))
    return min(readings)[1]


def _poses_info(name: str, hello: Hello, own: str) -> Any:
    """What the stream says of itself: https://github.com/sccn/xdf/wiki/MoCap-Meta-Data."""
    pylsl = _pylsl()
    points = hello.skeleton.keypoints
    count = len(CHANNELS) * len(points)
    info = pylsl.StreamInfo(name, "MoCap", count, pylsl.IRREGULAR_RATE, pylsl.cf_float32, own)
    channels = info.desc().append_child("channels")
    for point in points:
        for short, kind, unit in CHANNELS:
            channel = channels.append_child("channel")
            channel.append_child_value("label", f"{point}_{short}")
            channel.append_child_value("marker", point)
            channel.append_child_value("object", "subject0")
            channel.append_child_value("type", kind)
            channel.append_child_value("unit", unit or "normalized")
    acquisition = info.desc().append_child("acquisition")
    acquisition.append_child_value("manufacturer", "keycam")
    acquisition.append_child_value("model", hello.model)
    acquisition.append_child_value("compensated_lag", "0")
    return info
