"""Poses as OSC, one bundle per frame.

    /NAME/frame i i d     number of the frame, subjects in it, its capture in monotonic seconds
    /NAME/lost i          1 if nothing was found in the frame, else 0
    /NAME/kp/POINT f f f  x and y from 0 to 1 (left to right, top to bottom), confidence

NAME is "keycam" unless the address has one. Points of a subject with another id than 0 are at
/NAME/ID/kp/POINT; points that are missing are left out. With --predict they are where they will be
when they are seen. Every frame is sent, so that a receiver can tell a lost subject from a dead
tracker.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from realtime.frame import Frame
from realtime.record import Record, Subject
from realtime.stream.address import Address
from realtime.stream.message import Hello
from realtime.stream.udp import Datagrams

NAME = "keycam"
MOST = 2**31  # one more than an OSC integer holds

Message = tuple[str, str, tuple[object, ...]]  # address, type tags, values


class Bundles:
    """OSC bundles, each to be acted upon at once, as datagrams to one address."""

    def __init__(self, address: Address) -> None:
        """
        Raises:
            DataError: there is no such host.
            ModuleNotFoundError: python-osc is not installed.
        """
        from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
        from pythonosc.osc_message_builder import OscMessageBuilder

        self._new_bundle = partial(OscBundleBuilder, IMMEDIATELY)
        self._new_message = OscMessageBuilder
        self._datagrams = Datagrams(address)

    def send(self, messages: Sequence[Message]) -> None:
        """
        Raises:
            OSError: as of `Datagrams.send`.
        """
        bundle = self._new_bundle()
        for address, types, values in messages:
            message = self._new_message(address)
            for kind, value in zip(types, values, strict=True):
                message.add_arg(value, kind)
            bundle.add_content(message.build())
        self._datagrams.send(bundle.build().dgram)

    def close(self) -> None:
        self._datagrams.close()


class Osc:
    """Bundles of the addresses above, as datagrams."""

    def __init__(self, address: Address, hello: Hello) -> None:
        """
        Raises:
            DataError: there is no such host.
        """
        self.name = str(address)
        root = f"/{address.name or NAME}"
        self._root = root
        self._points = hello.skeleton.keypoints
        self._bundles = Bundles(address)

    def send(self, frame: Frame, record: Record) -> None:
        self._bundles.send(self._messages(frame, record))

    def close(self) -> None:
        self._bundles.close()

    def _messages(self, frame: Frame, record: Record) -> list[Message]:
        subjects = record.subjects
        about = (record.frame % MOST, len(subjects), record.time_ns / 1e9)
        messages: list[Message] = [
            (f"{self._root}/frame", "iid", about),
            (f"{self._root}/lost", "i", (int(not subjects),)),
        ]
        for subject in subjects:
            messages += self._found(subject, frame.image.shape[1::-1])
        return messages

    def _found(self, subject: Subject, size: tuple[int, int]) -> list[Message]:
        root = self._root if subject.id == 0 else f"{self._root}/{subject.id}"
        values = np.column_stack((subject.newest_px / size, subject.confidence))
        return [
            (f"{root}/kp/{point}", "fff", tuple(row.tolist()))
            for point, row in zip(self._points, values, strict=True)
            if np.isfinite(row).all()
        ]
