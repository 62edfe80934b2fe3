import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streaming import FACE, HERE, MOUSE, NOWHERE, SIZE, found, frame, hello

from engines import DataError
from realtime.frame import State
from realtime.record import Record
from realtime.stream.points import STEPS, Packet, Welcome


def packet(pose=HERE, number=7):
    return Packet.of(Record.of(frame(3), pose, 1.0), number)


@given(
    st.lists(st.tuples(st.floats(-2000, 4000), st.floats(-2000, 4000)), min_size=4, max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_a_pose_comes_back_to_half_a_step_of_its_square(points, number):
    own = packet(found(np.array(points)), number)
    back = Packet.from_bytes(own.to_bytes(), 4)
    side = max(np.ptp(own.keypoints_px, axis=0).max(), 1e-3)
    assert np.abs(back.keypoints_px - own.keypoints_px).max() <= side / STEPS / 2 + 1e-3
    assert np.abs(back.confidence - own.confidence).max() <= 0.5 / 255 + 1e-6
    assert (back.number, back.time_ns, back.state) == (number, own.time_ns, State.TRACK)


def test_68_points_are_298_bytes_and_nothing_is_14():
    face = np.random.default_rng(0).uniform(0, 300, (68, 2))
    assert len(packet(found(face)).to_bytes()) == 298
    nothing = packet(NOWHERE).to_bytes()
    assert len(nothing) == 14
    back = Packet.from_bytes(nothing, 68)
    assert back.keypoints_px is None
    assert back.confidence is None
    assert back.state is State.SEARCH


def test_the_bytes_are_as_they_are_described():
    points = np.array([[10, 20], [10, 60], [50, 20], [30, 40]], np.float32)
    data = packet(found(points), number=5).to_bytes()
    state, there, number, time_ns = struct.unpack_from("<BBIQ", data)
    left, top, side = struct.unpack_from("<fff", data, 14)
    words = struct.unpack_from("<4I", data, 26)
    assert (state, there, number, time_ns) == (1, 1, 5, frame(3).time_ns)
    assert (left, top, side) == (10, 20, 40)
    assert [word & 4095 for word in words] == [0, 0, 4095, 2048]
    assert [word >> 12 & 4095 for word in words] == [0, 4095, 0, 2048]
    assert [word >> 24 for word in words] == [128, 170, 212, 255]


def test_a_pose_with_a_missing_point_is_sent_as_none():
    points = np.array([[0, 0], [np.nan, 12], [32, 24], [64, 48]])
    assert packet(found(points)).keypoints_px is None


@given(st.binary(max_size=60))
def test_whatever_comes_is_read_or_refused(data):
    try:
        own = Packet.from_bytes(data, 4)
    except DataError:
        return
    assert own.keypoints_px is None or np.isfinite(own.keypoints_px).all()


def test_a_message_that_is_damaged_is_refused():
    good = packet().to_bytes()
    nan = struct.pack("<f", float("nan"))
    for bad in (
        good[:-1],
        good + b"\0",
        good[:14],
        b"\3" + good[1:],
        good[:1] + b"\0" + good[2:],
        good[:6] + b"\xff" * 8 + good[14:],
        good[:14] + nan + good[18:],
        good[:22] + struct.pack("<f", -1.0) + good[26:],
    ):
        with pytest.raises(DataError):
            Packet.from_bytes(bad, 4)
    with pytest.raises(DataError, match="where 298 are due"):
        Packet.from_bytes(good, 68)


def test_the_hello_comes_back_and_holds_nothing_else():
    own = Welcome.of(hello(FACE, source="/home/me/secret.mp4"))
    text = own.to_json()
    assert Welcome.from_json(text) == own
    assert own.size == SIZE
    assert set(json.loads(text)) == {"schema", "stream", "fps", "size", "skeleton"}
    assert "secret" not in text
    assert Welcome.of(hello(MOUSE)).stream != own.stream


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "keycam.points.2"},
        {"size": [0, 5]},
        {"size": [5]},
        {"size": [10**9, 5]},
        {"fps": -1},
        {"fps": "30"},
        {"stream": -1},
        {"skeleton": []},
        {"skeleton": {"name": "x"}},
        {"mark": False},
    ],
)
def test_a_hello_that_makes_no_sense_is_refused(change):
    table = json.loads(Welcome.of(hello()).to_json())
    with pytest.raises(DataError):
        Welcome.from_json(json.dumps({**table, **change}))


def test_a_hello_that_lacks_something_is_refused():
    table = json.loads(Welcome.of(hello()).to_json())
    for name in table:
        with pytest.raises(DataError):
            Welcome.from_json(json.dumps({k: v for k, v in table.items() if k != name}))
    for text in ("", "[]", "not json"):
        with pytest.raises(DataError):
            Welcome.from_json(text)
