"""Poses as VMC (Virtual Motion Capture protocol, protocol.vmc.info), one OSC bundle per frame.

    /VMC/Ext/OK i i i i              1 loaded, 3 calibrated, 0 normal, 1 tracked or 0 lost
    /VMC/Ext/T f                     seconds since the stream began
    /VMC/Ext/Tra/Pos s f f f f f f f  a point: its name, x y z, and the quaternion 0 0 0 1
    /VMC/Ext/Bone/Pos s f*7          "Head" with its roll; of skeleton face68
    /VMC/Ext/Blend/Val s f           "A", "Blink_L", "Blink_R" (VRM 0 names); of face68
    /VMC/Ext/Blend/Apply

Points are tracked in the picture, so z is 0, and x and y are in heights of the picture from its
middle: y up, x as of a subject that faces Unity's +z, whose left is -x. Turns of the head other
than its roll, all other bones and the root are absent. When the subject is lost, only OK and T
are sent. Of several subjects the first is sent. With --predict all of this is of the points where
they will be when they are seen.
"""

from math import cos, isfinite, sin

import numpy as np

from engines.geometry import Points
from realtime.frame import Frame
from realtime.record import Record
from realtime.stream import face
from realtime.stream.address import Address
from realtime.stream.message import Hello
from realtime.stream.osc import Bundles, Message

LOADED, CALIBRATED, NORMAL = 1, 3, 0
FACE = "face68"
_UPRIGHT = (0.0, 0.0, 0.0, 1.0)  # the quaternion (x, y, z, w) of no turn


class Vmc:
    """Bundles of the addresses above, as datagrams to a Marionette."""

    def __init__(self, address: Address, hello: Hello) -> None:
        """
        Raises:
            DataError: there is no such host.
        """
        self.name = str(address)
        self._points = hello.skeleton.keypoints
        self._face = hello.skeleton.name == FACE
        self._begun_ns: int | None = None
        self._bundles = Bundles(address)

    def send(self, frame: Frame, record: Record) -> None:
        self._bundles.send(self._messages(frame, record))

    def close(self) -> None:
        self._bundles.close()

    def _messages(self, frame: Frame, record: Record) -> list[Message]:
        if self._begun_ns is None:
            self._begun_ns = record.time_ns
        seconds = (record.time_ns - self._begun_ns) / 1e9
        status = (LOADED, CALIBRATED, NORMAL, int(bool(record.subjects)))
        messages: list[Message] = [
            ("/VMC/Ext/OK", "iiii", status),
            ("/VMC/Ext/T", "f", (seconds,)),
        ]
        for subject in record.subjects[:1]:
            messages += self._places(subject.newest_px, frame.image.shape[1::-1])
            if self._face and np.isfinite(subject.newest_px).all():
                messages += _face(subject.newest_px)
        return messages

    def _places(self, points: Points, size: tuple[int, int]) -> list[Message]:
        width, height = size
        messages: list[Message] = []
        for name, (x, y) in zip(self._points, points.tolist(), strict=True):
            if isfinite(x) and isfinite(y):
                place = ((width / 2 - x) / height, (height / 2 - y) / height, 0.0)
                messages.append(("/VMC/Ext/Tra/Pos", "sfffffff", (name, *place, *_UPRIGHT)))
        return messages


def _face(points: Points) -> list[Message]:
    half = face.roll(points) / 2
    turn = (0.0, 0.0, sin(half), cos(half))
    shapes = {
        "A": face.mouth(points),
        "Blink_L": face.blink(points, face.LEFT_EYE),
        "Blink_R": face.blink(points, face.RIGHT_EYE),
    }
    return [
        ("/VMC/Ext/Bone/Pos", "sfffffff", ("Head", 0.0, 0.0, 0.0, *turn)),
        *(("/VMC/Ext/Blend/Val", "sf", shape) for shape in shapes.items()),
        ("/VMC/Ext/Blend/Apply", "", ()),
    ]
