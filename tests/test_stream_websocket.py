import json
import socket
from contextlib import suppress

import pytest
from streaming import HERE, MOUSE, NOWHERE, hello, send, stream_to, until

from engines import DataError
from realtime.stream import websocket as module
from realtime.stream.address import Address
from realtime.stream.points import PROTOCOL, Packet, Welcome

client = pytest.importorskip("websockets.sync.client")
exceptions = pytest.importorskip("websockets.exceptions")

TOKEN = "0123456789abcdef"


@pytest.fixture
def stream():
    own = stream_to(f"ws://127.0.0.1:0/?token={TOKEN}")
    yield own
    own.close()


def connect(stream, token=TOKEN, **options):
    return client.connect(f"{stream.sender.name}/?token={token}", **options)


def test_the_hello_first_then_every_pose(stream):
    with connect(stream) as one:
        greeting = json.loads(one.recv(30))
        assert greeting["schema"] == "keycam.stream/1"
        assert greeting["skeleton"]["keypoints"] == list(MOUSE.keypoints)
        with connect(stream) as two:
            two.recv(30)
            send(stream, 4, HERE)
            send(stream, 5, NOWHERE)
            for own in (one, two):
                poses = [json.loads(own.recv(30)) for _ in range(2)]
                assert [pose["frame"] for pose in poses] == [4, 5]
                assert [len(pose["subjects"]) for pose in poses] == [1, 0]


def test_without_a_client_nothing_is_made(stream, monkeypatch):
    monkeypatch.setattr(module, "pose_message", lambda _: pytest.fail("made for nobody"))
    send(stream, 0)


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "0", "%00", "é"])
def test_without_the_token_there_is_nothing(stream, token):
    with pytest.raises(exceptions.InvalidStatus) as caught:
        connect(stream, token)
    assert caught.value.response.status_code == 403
    assert b"skeleton" not in caught.value.response.body


def test_strangers_are_turned_away_quietly(stream, caplog):
    port = int(stream.sender.name.rpartition(":")[2])
    for junk in (b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b""):
        with socket.create_connection(("127.0.0.1", port)) as link:
            link.sendall(junk)
            link.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                assert b"skeleton" not in link.recv(65536)
    with connect(stream) as own:
        assert "schema" in own.recv(30)
        assert caplog.text == ""


def test_a_client_too_many_is_told(stream, monkeypatch):
    monkeypatch.setattr(module, "MOST_CLIENTS", 1)
    with connect(stream) as own:
        own.recv(30)
        with pytest.raises(exceptions.InvalidStatus) as caught:
            connect(stream)
    assert caught.value.response.status_code == 503


def test_a_client_that_talks_too_much_is_dropped_and_others_are_not(stream):
    with connect(stream) as own, connect(stream) as chatty:
        own.recv(30)
        chatty.recv(30)
        chatty.send("hello")
        chatty.send("x" * 5000)
        with pytest.raises(exceptions.ConnectionClosed):
            chatty.recv(30)
        send(stream, 1)
        assert json.loads(own.recv(30))["frame"] == 1


def test_a_client_that_does_not_read_holds_nobody_up(stream, monkeypatch):
    padding = b" " * 100_000
    honest = module.pose_message
    monkeypatch.setattr(module, "pose_message", lambda record: honest(record) + padding)
    with connect(stream) as quick, connect(stream, max_queue=1) as slow:
        quick.recv(30)
        slow.recv(30)
        for number in range(200):  # 20 MB: more than the buffers between the two hold
            send(stream, number)
            assert json.loads(quick.recv(30))["frame"] == number
        assert stream.sender.dropped == 0
        seen = [json.loads(slow.recv(30))["frame"]]
        while seen[-1] != 199:
            seen.append(json.loads(slow.recv(30))["frame"])
    assert seen == sorted(seen)
    assert len(seen) < 200  # the oldest were left out, the newest came


def test_clients_come_and_go(stream):
    for number in range(5):
        with connect(stream) as own:
            own.recv(30)
            send(stream, number)
            assert json.loads(own.recv(30))["frame"] == number


def test_at_the_end_clients_are_told_goodbye():
    stream = stream_to(f"ws://127.0.0.1:0/?token={TOKEN}")
    with connect(stream) as own:
        own.recv(30)
        stream.close()
        with pytest.raises(exceptions.ConnectionClosed):
            own.recv(30)
    with pytest.raises(OSError, match="refused"):
        connect(stream)


def test_a_token_is_made_and_told(caplog):
    with caplog.at_level("INFO"):
        one = module.WebSocket(Address.parse("ws://127.0.0.1:0"), hello())
        two = module.WebSocket(Address.parse("ws://127.0.0.1:0"), hello())
    tokens = [own.url.partition("token=")[2] for own in (one, two)]
    assert len(set(tokens)) == 2
    assert all(len(token) >= 16 and token in caplog.text for token in tokens)
    assert not any(token in own.name for own, token in zip((one, two), tokens, strict=True))
    for own in (one, two):
        own.close()


def test_a_port_in_use_is_refused_in_one_line(stream):
    with pytest.raises(DataError, match="choose another port") as caught:
        stream_to(stream.sender.name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_host_that_is_not_this_machine_is_refused(host):
    with pytest.raises(DataError, match="address of this machine"):
        stream_to(f"ws://{host}:9000")


def test_ipv6_addresses_are_written_as_such():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        stream = stream_to(f"ws://[::1]:0/?token={TOKEN}")
    except DataError:
        pytest.skip("no IPv6 loopback here")
    with connect(stream) as own:
        assert until(lambda: own.recv(30))
    stream.close()


def test_a_client_that_asks_for_few_bytes_gets_them_beside_one_that_does_not(stream, caplog):
    caplog.set_level("INFO")
    with connect(stream, subprotocols=[PROTOCOL]) as few, connect(stream) as json_client:
        assert Welcome.from_json(few.recv(30)).skeleton == MOUSE
        json_client.recv(30)
        for number in (4, 5):
            send(stream, number, HERE if number == 4 else NOWHERE)
        packets = [Packet.from_bytes(few.recv(30), 4) for _ in range(2)]
        assert [json.loads(json_client.recv(30))["frame"] for _ in range(2)] == [4, 5]
    assert [own.number for own in packets] == [0, 1]
    assert [own.keypoints_px is not None for own in packets] == [True, False]
    until(lambda: caplog.text.count("a client got 2 poses") == 2)


def test_other_subprotocols_are_ignored(stream):
    with connect(stream, subprotocols=["something.else"]) as own:
        assert own.subprotocol is None
        assert "schema" in own.recv(30)
