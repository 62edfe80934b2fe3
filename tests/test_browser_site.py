"""The server as strangers, other pages and slow or hostile clients meet it."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from time import monotonic, sleep
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from browsing import (
    enter,
    get,
    look_on,
    looping,
    messages,
    read_pose,
    scene,
    sent,
    serving,
    told,
    truth,
)

from engines import Skeleton
from realtime.browser.offers import Choice, Offers
from realtime.browser.request import MOST_BYTES
from realtime.browser.server import BrowserServer
from realtime.browser.site import FILES, MOST_VIEWERS
from realtime.controls import Controls
from realtime.synthetic import Synthetic
from realtime.timing import Timings

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
exceptions = pytest.importorskip("websockets.exceptions")
OFFERS = Offers(
    Choice(source="synthetic:", model="face68"),
    (("synthetic:", "clip"), ("rtsp://me:secret@cam", "rtsp://cam")),
    (("face68", "face68"),),
)


@pytest.fixture(scope="module")
def server() -> Iterator[BrowserServer]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def cookie(server: BrowserServer) -> str:
    return enter(server)


@pytest.fixture
def loop(server: BrowserServer, face_skeleton: Skeleton) -> Iterator[tuple[Controls, Synthetic]]:
    with looping(server, face_skeleton, OFFERS) as running:
        yield running


# ---------------------------------------------------------------- files and the door


def test_the_pages_files_are_served_with_a_strict_policy(
    server: BrowserServer, cookie: str
) -> None:
    for name, kind in FILES.items():
        status, headers, data = get(server, f"/{name}", Cookie=cookie)
        assert status == 200
        assert kind in headers["Content-Type"]
        assert len(data) > 1000
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert not [own for own in headers if own.lower().startswith("access-control")]
        assert b"https://" not in data
        assert b"http://" not in data


@pytest.mark.parametrize(
    "path",
    [
        "/index.html",
        "/site.py",
        "/../site.py",
        "/%2e%2e/site.py",
        "//page.css",
        "/live",
        "/page.css/",
    ],
)
def test_nothing_else_is_served(path: str, server: BrowserServer, cookie: str) -> None:
    status, _, data = get(server, path, Cookie=cookie)
    assert (status, data) == (404, b"")


def test_the_printed_address_is_good_once_and_reloads_work(server: BrowserServer) -> None:
    address = urlsplit(server.url)
    assert address.netloc == f"127.0.0.1:{server.place.port}"
    status, headers, _ = get(server, f"/?{address.query}")
    assert status == 200
    given = headers["Set-Cookie"]
    assert "HttpOnly" in given
    assert "SameSite=strict" in given
    mine = given.partition(";")[0]
    assert get(server, f"/?{address.query}")[0] == 403
    assert get(server, f"/?{address.query}", Cookie=mine)[0] == 200  # a reload
    assert get(server, "/", Cookie=mine)[0] == 200
    assert urlsplit(server.url).query != address.query
    assert get(server, "/" + server.url.partition("/?")[2])[0] == 403


@pytest.mark.parametrize("path", ["/", "/page.js", "/?token=", "/?token=x", "/live", "/nothing"])
def test_without_token_or_cookie_nothing_is_told(path: str, server: BrowserServer) -> None:
    status, headers, data = get(server, path)
    assert status == 403
    assert b"keycam printed" in data
    assert headers["Set-Cookie"] is None
    assert get(server, path, Cookie=f"keycam-{server.place.port}=x")[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": None},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
def test_other_hosts_and_pages_are_refused(
    headers: dict, server: BrowserServer, cookie: str
) -> None:
    port = server.place.port
    own = {name: value and value.format(port=port) for name, value in headers.items()}
    status, _, data = get(server, "/page.js", Cookie=cookie, **own)
    assert status in (400, 403)  # 400: no Host at all
    assert b"function" not in data


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "X"])
def test_nothing_is_taken_by_other_methods(method: str, server: BrowserServer, cookie: str) -> None:
    status, headers, _ = get(server, "/", method=method, Cookie=cookie)
    assert status == 405
    assert "Access-Control-Allow-Origin" not in headers


def test_garbage_on_the_line_ends_that_line_alone(server: BrowserServer, cookie: str) -> None:
    for data in (b"\x00" * 100, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 9000, b"\x16\x03\x01"):
        with socket.create_connection(("127.0.0.1", server.place.port), 20) as link:
            link.settimeout(20)
            with suppress(OSError):  # it may be cut off at any point
                link.sendall(data)
                while link.recv(4096):
                    pass
    assert get(server, "/", Cookie=cookie)[0] == 200


# ---------------------------------------------------------------- the WebSocket


def test_what_is_shown_arrives(server: BrowserServer, cookie: str, loop) -> None:
    _, source = loop
    with look_on(server, cookie) as client:
        about = told(client, "scene")
        assert about["protocol"] == "keycam.page/1"
        assert about["skeleton"]["keypoints"][0] == "p00"
        assert about["offers"]["sources"] == ["clip", "rtsp://cam"]
        assert "secret" not in json.dumps(about)
        assert {"pause", "mirror", "style"} <= set(about["actions"])
        found = read_pose(sent(client, 1))
        frame = found["frame"]
        np.testing.assert_array_equal(found["subjects"][0]["keypoints"], source.truth(int(frame)))
        status = told(client, "status")
        assert status["controls"]["paused"] is False
        picture = sent(client, 2)
        image = cv2.imdecode(np.frombuffer(picture[8:], np.uint8), 1)
        assert max(image.shape) == 320


def test_pictures_come_after_the_poses_of_their_frames(
    server: BrowserServer, cookie: str, loop
) -> None:
    _, source = loop
    frames: dict[int, int] = {}
    checked = 0
    with look_on(server, cookie) as client:
        for message in messages(client):
            if isinstance(message, dict):
                continue
            sequence = int.from_bytes(message[4:8], "little")
            if message[0] == 1:
                frames[sequence] = int(read_pose(message)["frame"])
                continue
            image = cv2.imdecode(np.frombuffer(message[8:], np.uint8), 1)
            drawn = source.frame(frames[sequence]).image
            assert np.abs(image.astype(float) - drawn).mean() < 6  # that frame, less JPEG's loss
            if (checked := checked + 1) == 5:
                break


def test_what_is_asked_is_done_by_the_loop(server: BrowserServer, cookie: str, loop) -> None:
    controls, _ = loop
    with look_on(server, cookie) as client:
        told(client, "scene")
        client.send('{"ask": "mirror", "value": true}')
        client.send('{"ask": "style", "value": "points,black"}')
        while (status := told(client, "status"))["controls"]["style"] != "points,black":
            pass
        assert status["controls"]["mirrored"] is True
        assert controls.state.mirrored
        client.send('{"ping": 12.5}')
        assert told(client, "pong")["sent"] == 12.5
        client.send('{"ask": "style", "value": "skeleton"}')
        client.send('{"ask": "mirror", "value": false}')
        while told(client, "status")["controls"]["mirrored"]:
            pass


def test_while_paused_a_newcomer_sees_the_picture_that_stands(
    server: BrowserServer, cookie: str, loop
) -> None:
    with look_on(server, cookie) as first:
        first.send('{"ask": "pause", "value": true}')
        while not told(first, "status")["controls"]["paused"]:
            pass
        with look_on(server, cookie) as second:
            assert read_pose(sent(second, 1))["count"] == 1
            assert len(sent(second, 2)) > 500


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {}},
        {"additional_headers": {"Cookie": "keycam-1=x"}},
        {"origin": "http://evil.example"},
        {"origin": None},
        {"origin": "null"},
    ],
    ids=str,
)
def test_a_stranger_gets_nothing(options: dict, server: BrowserServer, cookie: str, loop) -> None:
    with pytest.raises(exceptions.InvalidStatus) as refusal, look_on(server, cookie, **options):
        pass
    assert refusal.value.response.status_code == 403


def test_neither_a_token_nor_another_path_opens_the_websocket(
    server: BrowserServer, cookie: str
) -> None:
    from websockets.sync.client import connect

    host = f"127.0.0.1:{server.place.port}"
    for path, headers in (
        ("live?" + urlsplit(server.url).query, {}),
        ("other", {"Cookie": cookie}),
        ("live", {"Cookie": cookie, "Host": "evil.example"}),
    ):
        with pytest.raises(exceptions.InvalidStatus) as refusal:
            connect(f"ws://{host}/{path}", origin=f"http://{host}", additional_headers=headers)
        assert refusal.value.response.status_code in (400, 403)


def closed(client) -> int:
    """The code with which the server closes."""
    try:
        while True:
            client.recv(20)
    except exceptions.ConnectionClosed as end:
        return end.rcvd.code


def test_hostile_messages_change_nothing_and_end_the_line(
    server: BrowserServer, cookie: str, loop
) -> None:
    controls, _ = loop
    before = controls.state
    with look_on(server, cookie) as client:
        client.send("x" * (MOST_BYTES + 1))
        assert closed(client) == 1009
    with look_on(server, cookie) as client:
        client.send(b"\x01\x02")
        assert closed(client) == 1008
    with look_on(server, cookie) as client:
        client.send('{"ask": "record", "value": "/etc/x"}')
        assert "takes no value" in told(client, "refused")["why"]
        client.send('{"choose": {"source": 7}}')
        assert "not offered" in told(client, "refused")["why"]
        client.send('{"invite": true}')
        for _ in range(40):
            client.send("[]")
        assert closed(client) == 1008
    with look_on(server, cookie) as client:
        with suppress(exceptions.ConnectionClosed):
            for _ in range(3000):
                client.send('{"ping": 1}')
        assert closed(client) == 1008
    assert controls.state == before
    assert server.chosen() is None
    with look_on(server, cookie) as client:
        told(client, "scene")


def test_only_so_many_may_look_on(server: BrowserServer, cookie: str, loop) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(look_on(server, cookie)) for _ in range(MOST_VIEWERS)]
        for client in clients:
            told(client, "scene")
        with look_on(server, cookie) as late:
            assert closed(late) == 1013
    end = monotonic() + 20
    while server.desk.alone_s == 0 and monotonic() < end:
        sleep(0.02)
    with look_on(server, cookie) as client:
        told(client, "scene")


def test_a_client_that_does_not_read_slows_nobody(server: BrowserServer, cookie: str, loop) -> None:
    """One opens the WebSocket by hand and never reads; another gets every frame all the while."""
    port = server.place.port
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", port))
        head = (
            f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
            f"Cookie: {cookie}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        stuck.sendall(head.encode())
        assert b"101" in stuck.recv(12)
        with look_on(server, cookie) as client:
            told(client, "scene")
            sequences: list[int] = []
            while len(sequences) < 60:
                message = client.recv(20)
                if isinstance(message, bytes) and message[0] == 1:
                    sequences.append(read_pose(message)["sequence"])
                    client.send(json.dumps({"seen": [sequences[-1], 2**32 - 1]}))
        assert np.diff(sequences).max() == 1
        (left,) = [viewer for viewer in server.desk._viewers if len(viewer._away) > 8]
        assert len(left._poses) <= 8
        assert len(left._texts) <= 16


def test_the_loop_hands_over_without_waiting(server: BrowserServer, cookie: str) -> None:
    """Also while the server's own thread hangs."""
    held = threading.Event()
    with look_on(server, cookie):
        assert server.desk._loop is not None
        server.desk._loop.call_soon_threadsafe(held.wait, 20)
        controls = Controls(threading.Event())
        source = Synthetic(size=(320, 240))
        sink = server.attach(scene(controls, Skeleton.load("face68")))
        stats = Timings()
        for index in range(50):
            sink.take(source.frame(index), truth(source, index), stats)
        assert not held.is_set()
        held.set()
        sink.close()


def test_choosing_ends_the_run_and_says_what_next(
    server: BrowserServer, cookie: str, face_skeleton: Skeleton
) -> None:
    with looping(server, face_skeleton, OFFERS), look_on(server, cookie) as client:
        told(client, "scene")
        client.send('{"choose": {"source": 0}}')  # what is shown already
        client.send('{"choose": {"source": 1}}')
        end = monotonic() + 20
        while (chosen := server.chosen()) is None and monotonic() < end:
            sleep(0.02)
    assert chosen == Choice(source="rtsp://me:secret@cam", model="face68")


def test_the_end_is_told(face_skeleton: Skeleton) -> None:
    with ExitStack() as stack:
        with serving() as own:
            client = stack.enter_context(look_on(own, enter(own)))
            with looping(own, face_skeleton):
                told(client, "scene")
        assert told(client, "end") == {"kind": "end"}
        closed(client)
        with pytest.raises(ConnectionRefusedError):
            get(own, "/")
