import socket
from dataclasses import replace

import numpy as np
import pytest
from streaming import HERE, NOWHERE, POINTS, found, frame, hello, send, stream_to

from realtime.record import Record
from realtime.stream.address import Address
from realtime.stream.osc import Osc

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


def test_one_bundle_per_frame_with_points_from_0_to_1(receiver):
    stream = stream_to(f"osc://127.0.0.1:{receiver.getsockname()[1]}")
    send(stream, 3, HERE)
    send(stream, 4, NOWHERE)
    stream.close()
    (about, frame), (lost, lost_value), *points = received(receiver)
    assert (about, frame) == ("/keycam/frame", [3, 1, 5.12])
    assert (lost, lost_value) == ("/keycam/lost", [0])
    names = ("snout", "leftear", "rightear", "tailbase")
    assert [address for address, _ in points] == [f"/keycam/kp/{name}" for name in names]
    values = np.array([values for _, values in points])
    np.testing.assert_allclose(values[:, :2], POINTS / (64, 48), atol=1e-6)
    np.testing.assert_allclose(values[:, 2], np.linspace(0.5, 1, 4), atol=1e-6)
    assert received(receiver) == [("/keycam/frame", [4, 0, 5.16]), ("/keycam/lost", [1])]


def test_a_name_of_ones_own_and_points_that_are_missing(receiver):
    stream = stream_to(f"osc://127.0.0.1:{receiver.getsockname()[1]}/mouse/2")
    holed = POINTS.copy()
    holed[1] = np.nan
    send(stream, 0, found(holed))
    stream.close()
    messages = received(receiver)
    assert all(address.startswith("/mouse/2/") for address, _ in messages)
    assert len(messages) == 2 + 3


def test_more_subjects_have_their_id_in_the_address(receiver):
    outlet = Osc(Address.parse(f"osc://127.0.0.1:{receiver.getsockname()[1]}"), hello())
    record = Record.of(frame(0), HERE, 1.0)
    other = replace(record.subjects[0], id=5)
    outlet.send(frame(0), replace(record, subjects=(*record.subjects, other)))
    outlet.close()
    addresses = [address for address, _ in received(receiver)]
    assert sum(address.startswith("/keycam/kp/") for address in addresses) == 4
    assert sum(address.startswith("/keycam/5/kp/") for address in addresses) == 4


def test_predicted_points_are_sent_where_there_are_any(receiver):
    stream = stream_to(f"osc://127.0.0.1:{receiver.getsockname()[1]}")
    send(stream, 0, replace(HERE, predicted_px=POINTS / 2, ahead_ms=30.0))
    stream.close()
    values = np.array([values for _, values in received(receiver)[2:]])
    np.testing.assert_allclose(values[:, :2], POINTS / 2 / (64, 48), atol=1e-6)
