import json
import socket
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from streaming import HERE, MOUSE, NOWHERE, POINTS, frame, hello, send, stream_to

from engines import DataError, Skeleton
from realtime.record import Record
from realtime.stream import message
from realtime.stream.address import Address
from realtime.stream.message import SCHEMA, pose_message
from realtime.stream.udp import Udp


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        own.settimeout(30)
        yield own


def test_the_hello_then_the_poses(receiver: socket.socket) -> None:
    stream = stream_to(f"udp://127.0.0.1:{receiver.getsockname()[1]}")
    send(stream, 7)
    send(stream, 8, NOWHERE)
    stream.close()
    greeting, first, second = (json.loads(receiver.recv(65536)) for _ in range(3))
    assert (greeting["schema"], greeting["model"], greeting["size"]) == (
        SCHEMA,
        "made up",
        [64, 48],
    )
    assert Skeleton.from_dict(greeting["skeleton"]) == MOUSE
    assert set(greeting["clock"]) == {"monotonic_ns", "wall"}
    assert (first["frame"], first["t"], first["state"]) == (7, 5_280_000_000, "track")
    np.testing.assert_allclose(first["subjects"][0]["keypoints"], POINTS)
    np.testing.assert_allclose(first["subjects"][0]["keypoints_raw"], POINTS - 1)
    assert (second["state"], second["subjects"], second["roi"]) == ("search", [], None)


def test_a_pose_message_is_a_line_of_a_session() -> None:
    record = Record.of(frame(3), HERE, 2.5)
    line = pose_message(record)
    assert b"\n" not in line
    assert Record.from_line(line, 4).to_line() == record.to_line()


def test_the_hello_comes_again(receiver: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message, "REPEAT_S", 0.0)
    stream = stream_to(f"udp://127.0.0.1:{receiver.getsockname()[1]}")
    send(stream, 0)
    send(stream, 1)
    stream.close()
    kinds = ["schema" in json.loads(receiver.recv(65536)) for _ in range(4)]
    assert kinds == [True, False, True, False]


def test_nobody_need_listen() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    stream = stream_to(f"udp://127.0.0.1:{port}")
    for number in range(5):
        send(stream, number)
    stream.close()
    assert (stream.sender.sent, stream.sender.failed) == (5, 0)


def test_more_than_a_datagram_holds_is_an_error_of_the_system() -> None:
    outlet = Udp(Address.parse("udp://127.0.0.1:9"), hello())
    record = Record.of(frame(0), HERE, 1.0)
    with pytest.raises(OSError, match="too long"):
        outlet.send(frame(0), replace(record, subjects=record.subjects * 2000))
    outlet.close()


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="no such host"):
        stream_to("udp://no.such.host.invalid:9000")


def test_the_hello_names_the_camera_by_its_id() -> None:
    class Source:
        name, live, fps, size = "Nice Cam", True, 30.0, (4, 3)
        camera = {"id": "1234:5678:usb-1"}  # noqa: RUF012

    class Engine:
        class card:
            name, skeleton = "mice", MOUSE

    own = message.Hello.of(Source, Engine, dict)  # type: ignore[arg-type]
    assert (own.source, own.model) == ("1234:5678:usb-1", "mice")
    assert json.loads(own.to_json())["clock"] == {}
