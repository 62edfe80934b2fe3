import json
import logging

import pytest
from streaming import HERE, MOUSE, hello, send, stream_to

from engines import DataError
from realtime.stream import message
from realtime.stream.address import Address
from realtime.stream.zmq import Zmq

zmq = pytest.importorskip("zmq")

TOKEN = "0123456789abcdef"
USER = b"keycam"


@pytest.fixture
def stream(monkeypatch):
    monkeypatch.setattr(message, "REPEAT_S", 0.0)
    own = stream_to(f"zmq://127.0.0.1:0/?token={TOKEN}")
    yield own
    own.close()


@pytest.fixture
def context():
    with zmq.Context() as own:
        yield own


def subscriber(context, stream, password=TOKEN, topic=b""):
    socket = context.socket(zmq.SUB)
    socket.set(zmq.LINGER, 0)
    if password is not None:
        socket.plain_username, socket.plain_password = USER, password.encode()
    socket.subscribe(topic)
    socket.connect(stream.sender.name.replace("zmq", "tcp"))
    return socket


def first_message(stream, socket, tries=500):
    """What arrives while poses are sent; None if nothing does."""
    for number in range(tries):
        send(stream, number)
        if socket.poll(20):
            return socket.recv_multipart()
    return None


def test_subscribers_with_the_token_get_hello_and_poses(stream, context):
    with subscriber(context, stream, topic=b"hello") as socket:
        topic, text = first_message(stream, socket)
    assert topic == b"hello"
    assert json.loads(text)["skeleton"]["keypoints"] == list(MOUSE.keypoints)
    with subscriber(context, stream, topic=b"pose") as socket:
        topic, text = first_message(stream, socket)
        sent = json.loads(text)
        assert (topic, sent["state"], len(sent["subjects"])) == (b"pose", "track", 1)
        while socket.poll(100):
            topic, text = socket.recv_multipart()
        send(stream, 1000, HERE)
        assert json.loads(socket.recv_multipart()[1])["frame"] == 1000


@pytest.mark.parametrize("password", ["wrong", None])
def test_without_the_token_there_is_nothing(stream, context, password):
    with subscriber(context, stream, password) as socket, subscriber(context, stream) as admitted:
        assert first_message(stream, admitted) is not None
        assert first_message(stream, socket, tries=10) is None


def test_a_subscriber_that_does_not_read_holds_nobody_up(stream, context):
    with subscriber(context, stream) as lazy, subscriber(context, stream) as own:
        assert first_message(stream, own) is not None
        for number in range(500):
            send(stream, number)
        assert stream.sender.failed == stream.sender.dropped == 0
        assert lazy.poll(30_000)


def test_a_token_is_made_and_told(caplog):
    with caplog.at_level(logging.INFO):
        outlet = Zmq(Address.parse("zmq://127.0.0.1:0"), hello())
        outlet.close()
    assert len(outlet.token) >= 16
    assert outlet.token in caplog.text
    assert outlet.endpoint in caplog.text
    assert outlet.token not in outlet.name


def test_a_port_in_use_is_refused_in_one_line(stream):
    with pytest.raises(DataError, match="choose another port"):
        stream_to(stream.sender.name)


def test_a_host_that_is_not_this_machine_is_refused():
    with pytest.raises(DataError, match="address of this machine"):
        stream_to("zmq://no.such.host.invalid:9000")
