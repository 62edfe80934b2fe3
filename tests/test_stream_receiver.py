"""The receiver and the real sender, with a proxy that loses, delays, reorders and repeats."""

import json
import logging
import random
import re
import socket
from threading import Thread

import numpy as np
import pytest
from streaming import FACE, HERE, MOUSE, NOWHERE, POINTS, frame, send, stream_to, until

from realtime.frame import State
from realtime.record import Record
from realtime.source import SourceError
from realtime.stream import link as link_module
from realtime.stream import receiver as module
from realtime.stream.points import PROTOCOL, Packet, Welcome
from realtime.stream.receiver import Receiver

client = pytest.importorskip("websockets.sync.client")
server = pytest.importorskip("websockets.sync.server")
exceptions = pytest.importorskip("websockets.exceptions")

TOKEN = "0123456789abcdef"


@pytest.fixture
def stream():
    own = stream_to(f"ws://127.0.0.1:0/?token={TOKEN}")
    yield own
    own.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    monkeypatch.setattr(module, "LOOK_S", 0.01)


def url_of(stream):
    return f"{stream.sender.name}/?token={TOKEN}"


def next_pose(frames, receiver):
    """The next frame that has news, and its pose; quiet ones are passed over."""
    while True:
        own = next(frames)
        pose = receiver.track(own)
        if pose.state is not State.COAST:
            return own, pose


class Sender:
    """A sender by hand: what it does on a connection is up to the test."""

    def __init__(self, act, protocols=(PROTOCOL,)):
        self._server = server.serve(
            act, "127.0.0.1", 0, subprotocols=list(protocols), compression=None, logger=quiet()
        )
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/?token={TOKEN}"
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()


def quiet():
    own = logging.getLogger("tests.quiet")
    own.setLevel(logging.CRITICAL)
    return own


def greeting(skeleton=MOUSE, stream=1, size=(64, 48)):
    return Welcome(stream=stream, fps=30.0, size=size, skeleton=skeleton).to_json()


def packet(number, pose=HERE):
    return Packet.of(Record.of(frame(number), pose, 1.0), number).to_bytes()


def test_poses_cross_and_the_source_is_like_the_senders(stream):
    with Receiver(url_of(stream)) as receiver:
        assert (receiver.live, receiver.fps, receiver.skeleton) == (True, 30.0, MOUSE)
        assert receiver.size == (640, 480)  # the shape of 64 x 48
        assert TOKEN not in receiver.name
        frames = iter(receiver)
        send(stream, 4)
        own, pose = next_pose(frames, receiver)
        assert own.image.shape == (480, 640, 3)
        assert pose.state is State.TRACK
        np.testing.assert_allclose(pose.keypoints_px, POINTS * 10, atol=640 / 8190 + 1e-3)
        np.testing.assert_allclose(pose.confidence, HERE.confidence, atol=0.002)
        send(stream, 5, NOWHERE)
        later, pose = next_pose(frames, receiver)
        assert (pose.state, pose.keypoints_px) == (State.SEARCH, None)
        assert later.index > own.index
        assert later.time_ns > own.time_ns
    traffic = receiver.traffic
    assert (traffic.poses, traffic.lost, traffic.late, traffic.dropped) == (2, 0, 0, 0)
    sizes = len(packet(4)) + len(packet(5, NOWHERE))
    assert sizes < traffic.bytes < sizes + 1000  # and the hello


def test_where_nothing_comes_frames_without_a_pose_do(stream, monkeypatch):
    monkeypatch.setattr(module, "QUIET_S", 0.0)
    with Receiver(url_of(stream)) as receiver:
        frames = iter(receiver)
        quiet_ones = [next(frames) for _ in range(3)]
        assert [receiver.track(own).keypoints_px for own in quiet_ones] == [None] * 3
        assert [own.index for own in quiet_ones] == [0, 1, 2]
        times = [own.time_ns for own in quiet_ones]
        assert times == sorted(set(times))


def test_the_newest_pose_wins_and_what_it_replaced_is_counted(stream):
    with Receiver(url_of(stream)) as receiver:
        for number in range(5):
            send(stream, number)
        until(lambda: receiver.traffic.poses == 5)
        own, _ = next_pose(iter(receiver), receiver)
        assert (own.index, own.dropped) == (4, 4)
    assert receiver.traffic.dropped == 4


def proxy_to(stream, disturb):
    """A sender that hands on what the real one sends, as `disturb` makes of the list of it."""

    def act(connection):
        with client.connect(url_of(stream), subprotocols=[PROTOCOL], compression=None) as real:
            connection.send(real.recv(30))
            for number in range(60):
                send(stream, number, HERE)
            messages = [real.recv(30) for _ in range(60)]
        for message in disturb(messages):
            connection.send(message)

    return Sender(act)


def test_packets_lost_delayed_repeated_and_out_of_order_never_break_the_order_of_time(monkeypatch):
    monkeypatch.setattr("realtime.stream.websocket.QUEUE", 100)
    stream = stream_to(f"ws://127.0.0.1:0/?token={TOKEN}")
    chance = random.Random(3)
    came = []

    def disturb(messages):
        kept = [own for own in messages if chance.random() > 0.2]
        order = sorted(range(len(kept)), key=lambda i: i + chance.uniform(0, 8))  # delays
        came.extend(kept[i] for i in order)
        came.extend(kept[:2])  # and two once more
        return came

    shown = []
    with proxy_to(stream, disturb) as proxy, Receiver(proxy.url) as receiver:
        for own in receiver:
            pose = receiver.track(own)
            shown.append((own.index, own.time_ns, pose.keypoints_px is not None))
    stream.close()
    numbers = [Packet.from_bytes(message, 4).number for message in came]
    expected = [n for i, n in enumerate(numbers) if all(n > before for before in numbers[:i])]
    traffic = receiver.traffic
    assert traffic.poses == len(expected)
    assert traffic.late > 0
    first, last = numbers[0], max(numbers)
    missing = set(range(first, last + 1)) - set(numbers)
    assert traffic.lost == len(missing) > 0
    assert [index for index, _, _ in shown] == sorted({index for index, _, _ in shown})
    assert [time for _, time, _ in shown] == sorted({time for _, time, _ in shown})
    with_pose = sum(there for _, _, there in shown)
    assert with_pose + traffic.dropped == traffic.poses
    assert re.search(r"\d+ kbit/s; \d+ lost, \d+ too late, \d+ replaced", traffic.to_text())


def test_a_connection_that_breaks_is_made_again_and_a_new_sender_is_believed(caplog):
    calls = []

    def act(connection):
        calls.append(connection)
        connection.send(greeting(stream=len(calls)))
        connection.send(packet(1000 if len(calls) == 1 else 3))
        if len(calls) == 1:
            connection.socket.shutdown(socket.SHUT_RDWR)
        else:
            connection.recv()

    with Sender(act) as sender, Receiver(sender.url) as receiver:
        frames = iter(receiver)
        first, _ = next_pose(frames, receiver)
        second, _ = next_pose(frames, receiver)
        assert second.time_ns > first.time_ns
        assert len(calls) == 2
        traffic = receiver.traffic
    assert (traffic.poses, traffic.lost, traffic.late) == (2, 0, 0)
    assert "trying again" in caplog.text


def test_it_ends_when_the_sender_does():
    def act(connection):
        connection.send(greeting())
        connection.send(packet(0))

    with Sender(act) as sender, Receiver(sender.url) as receiver:
        poses = [receiver.track(own).keypoints_px for own in receiver]
    assert sum(points is not None for points in poses) == 1


def test_a_close_ends_whoever_waits(stream):
    receiver = Receiver(url_of(stream))
    frames = iter(receiver)
    ended = []
    waiting = Thread(target=lambda: ended.extend(frames))
    waiting.start()
    receiver.close()
    receiver.close()
    waiting.join(30)
    assert not waiting.is_alive()


@pytest.mark.parametrize("message", ["text", b"", b"short", b"\0" * 30])
def test_what_is_no_pose_ends_the_call_in_one_line(message):
    def act(connection):
        connection.send(greeting())
        connection.send(message)
        connection.recv()

    with (
        Sender(act) as sender,
        Receiver(sender.url) as receiver,
        pytest.raises(SourceError, match="it sends what is no pose") as caught,
    ):
        list(receiver)
    assert TOKEN not in str(caught.value)


def test_another_skeleton_after_a_break_is_not_taken():
    calls = []

    def act(connection):
        calls.append(connection)
        connection.send(greeting(skeleton=MOUSE if len(calls) == 1 else FACE))
        connection.socket.shutdown(socket.SHUT_RDWR)

    with (
        Sender(act) as sender,
        Receiver(sender.url) as receiver,
        pytest.raises(SourceError, match="another skeleton"),
    ):
        list(receiver)


def refusal(url):
    with pytest.raises(SourceError) as caught:
        Receiver(url)
    text = str(caught.value)
    assert "\n" not in text
    assert TOKEN not in text
    return text


def test_whoever_is_no_sender_is_refused_in_one_line(stream, monkeypatch):
    monkeypatch.setattr(link_module, "OPEN_S", 1.0)
    assert "token" in refusal(url_of(stream) + "0")
    with socket.create_server(("127.0.0.1", 0)) as own:
        port = own.getsockname()[1]
    assert "no keycam answers there" in refusal(f"ws://127.0.0.1:{port}/?token={TOKEN}")
    for words in ("http://x/", "0", "ws://", "ws://host:99999/", "ws://host:0/"):
        assert "not the address of a stream" in refusal(words)
    for first in ("not json", json.dumps({"schema": "other"}), b"bytes"):
        with Sender(lambda connection, first=first: connection.send(first)) as sender:
            assert "no greeting" in refusal(sender.url)


def test_a_hello_of_giant_frames_makes_no_giant_frames():
    def act(connection):
        connection.send(greeting(size=(65536, 65536)))
        connection.recv()

    with Sender(act) as sender, Receiver(sender.url) as receiver:
        assert receiver.size == (640, 640)


def test_a_server_of_something_else_is_refused():
    class Other(Sender):
        def __init__(self):
            super().__init__(lambda connection: connection.send("{}"), protocols=["other"])

    with Other() as other:
        assert "status 400" in refusal(other.url)
