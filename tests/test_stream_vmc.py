import socket
from math import radians

import numpy as np
import pytest
from streaming import FACE, HERE, NOWHERE, found, send, stream_to
from test_stream_face import drawn_face

osc_bundle = pytest.importorskip("pythonosc.osc_bundle")


@pytest.fixture
def receiver():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        own.settimeout(30)
        yield own


def received(receiver):
    """The messages of the next bundle: (address, values)."""
    bundle = osc_bundle.OscBundle(receiver.recv(65536))
    return [(message.address, message.params) for message in bundle]


def of_kind(messages, kind):
    """Values by their first, which is a name."""
    return {values[0]: values[1:] for address, values in messages if address == f"/VMC/Ext/{kind}"}


def test_a_face_moves_the_head_the_mouth_and_the_eyes(receiver):
    stream = stream_to(f"vmc://127.0.0.1:{receiver.getsockname()[1]}", FACE)
    send(stream, 0, found(drawn_face(gap=0.3, eyes=0.225, turn=30)))
    stream.close()
    messages = received(receiver)
    assert messages[:2] == [("/VMC/Ext/OK", [1, 3, 0, 1]), ("/VMC/Ext/T", [0.0])]
    assert messages[-1] == ("/VMC/Ext/Blend/Apply", [])
    turn = [0, 0, np.sin(radians(15)), np.cos(radians(15))]
    np.testing.assert_allclose(of_kind(messages, "Bone/Pos")["Head"], [0, 0, 0, *turn], atol=1e-6)
    shapes = of_kind(messages, "Blend/Val")
    assert {name: round(value, 3) for name, (value,) in shapes.items()} == {
        "A": 0.5,
        "Blink_L": 0.5,
        "Blink_R": 0.5,
    }
    assert len(of_kind(messages, "Tra/Pos")) == 68


def test_points_are_in_heights_of_the_picture_as_the_subject_sees_them(receiver):
    stream = stream_to(f"vmc://127.0.0.1:{receiver.getsockname()[1]}")
    send(stream, 0, HERE)  # (0, 0), (16, 12), the middle, and (64, 48), of 64 by 48
    stream.close()
    messages = received(receiver)
    places = np.array(list(of_kind(messages, "Tra/Pos").values()))
    half = 64 / 48 / 2
    due = [[half, 0.5, 0], [half / 2, 0.25, 0], [0, 0, 0], [-half, -0.5, 0]]
    np.testing.assert_allclose(places[:, :3], due, atol=1e-6)
    np.testing.assert_allclose(places[:, 3:], [[0, 0, 0, 1]] * 4)
    assert of_kind(messages, "Blend/Val") == {}  # a mouse has no such face


def test_a_lost_subject_is_told(receiver):
    stream = stream_to(f"vmc://127.0.0.1:{receiver.getsockname()[1]}", FACE)
    send(stream, 0, NOWHERE)
    send(stream, 25, NOWHERE)
    stream.close()
    assert received(receiver) == [("/VMC/Ext/OK", [1, 3, 0, 0]), ("/VMC/Ext/T", [0.0])]
    assert received(receiver) == [("/VMC/Ext/OK", [1, 3, 0, 0]), ("/VMC/Ext/T", [1.0])]


def test_a_face_with_a_missing_point_has_only_points(receiver):
    points = drawn_face()
    points[0] = np.nan
    stream = stream_to(f"vmc://127.0.0.1:{receiver.getsockname()[1]}", FACE)
    send(stream, 0, found(points))
    stream.close()
    messages = received(receiver)
    assert len(of_kind(messages, "Tra/Pos")) == 67
    assert of_kind(messages, "Bone/Pos") == {}
