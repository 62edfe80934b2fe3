"""A page server with a loop before it, and what a browser would say to it."""

import http.client
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from engines import Roi, Skeleton
from realtime.browser.link import Serving
from realtime.browser.offers import Offers
from realtime.browser.scene import Scene
from realtime.browser.server import BrowserServer
from realtime.controls import Controls
from realtime.frame import Frame, Pose, State
from realtime.loop import run
from realtime.synthetic import Synthetic


class TruthTracker:
    """Finds the points of the synthetic head where they are."""

    def __init__(self, source: Synthetic) -> None:
        self._source = source

    def track(self, frame: Frame) -> Pose:
        return truth(self._source, frame.index)

    def reset(self) -> None:
        pass


def truth(source: Synthetic, index: int) -> Pose:
    points = source.truth(index)
    sure = np.ones(len(points), np.float32)
    return Pose(State.TRACK, Roi.around(points, 1.2), points, points, sure)


def scene(controls: Controls, skeleton: Skeleton, offers: Offers | None = None) -> Scene:
    return Scene(
        source="synthetic:",
        live=False,
        fps=20,
        size=(320, 240),
        model="truth",
        skeleton=skeleton,
        engine=lambda: "none",
        controls=controls,
        offers=offers,
    )


@contextmanager
def looping(
    server: BrowserServer, skeleton: Skeleton, offers: Offers | None = None, fps: float = 20
) -> Iterator[tuple[Controls, Synthetic]]:
    """The synthetic head, tracked perfectly, on the page."""
    source = Synthetic(size=(320, 240), fps=fps, realtime=True)
    stop = Event()
    controls = Controls(stop)
    sinks = [controls, server.attach(scene(controls, skeleton, offers))]
    work = (source, TruthTracker(source), sinks)
    thread = threading.Thread(target=lambda: run(*work, stop=stop))
    thread.start()
    try:
        yield controls, source
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def serving() -> Iterator[BrowserServer]:
    with BrowserServer(Serving(port=0)) as server:
        yield server


def get(
    server: BrowserServer, path: str, *, method: str = "GET", **headers: str | None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """A request; headers with _ for -, None to leave one out."""
    link = http.client.HTTPConnection("127.0.0.1", server.place.port, timeout=20)
    link.putrequest(method, path, skip_host=True)
    usual: dict[str, str | None] = {"Host": f"127.0.0.1:{server.place.port}"}
    for name, value in (usual | headers).items():
        if value is not None:
            link.putheader(name.replace("_", "-"), value)
    link.endheaders()
    answer = link.getresponse()
    data = answer.read()
    link.close()
    return answer.status, answer.headers, data


def enter(server: BrowserServer) -> str:
    """Use the printed address; the Cookie header from then on."""
    status, headers, _ = get(server, "/?" + urlsplit(server.url).query)
    assert status == 200
    return str(headers["Set-Cookie"]).partition(";")[0]


def look_on(server: BrowserServer, cookie: str, **options: Any) -> Any:
    """A WebSocket as the page opens it."""
    from websockets.sync.client import connect

    host = f"127.0.0.1:{server.place.port}"
    usual = {"origin": f"http://{host}", "additional_headers": {"Cookie": cookie}}
    plain = {"compression": None, "max_queue": None, "close_timeout": 2}
    return connect(f"ws://{host}/live", **(usual | plain | options))


def messages(client: Any) -> Iterator[Any]:
    """Bytes and JSON as they come; that they came is said."""
    from websockets.exceptions import ConnectionClosed

    end = monotonic() + 60
    while monotonic() < end:
        message = client.recv(60)
        if isinstance(message, str):
            yield json.loads(message)
            continue
        with suppress(ConnectionClosed):  # what came before the end can still be read
            client.send(json.dumps({"seen": [int.from_bytes(message[4:8], "little")] * 2}))
        yield message
    raise AssertionError("it never came")


def told(client: Any, kind: str) -> dict[str, Any]:
    """The next JSON message of that kind."""
    return next(one for one in messages(client) if isinstance(one, dict) and one["kind"] == kind)


def sent(client: Any, kind: int) -> bytes:
    """The next binary message of that kind."""
    return next(one for one in messages(client) if isinstance(one, bytes) and one[0] == kind)


def read_pose(message: bytes) -> dict[str, Any]:
    """A pose message by the layout in `realtime.browser.message`, read apart from it."""
    names = ("kind", "state", "count", "zero", "sequence", "width", "height", "points", "none")
    values = struct.unpack_from("<BBBBIHHHH", message)
    found: dict[str, Any] = dict(zip(names, values, strict=True))
    found["frame"], found["time_ms"] = struct.unpack_from("<dd", message, 16)
    found["age_ms"], found["dropped"] = struct.unpack_from("<fI", message, 32)
    points, at = found["points"], 40
    found["subjects"] = []
    for _ in range(found["count"]):
        own: dict[str, Any] = {"id": struct.unpack_from("<i", message, at)[0]}
        own["roi"] = struct.unpack_from("<ffff", message, at + 4)
        numbers = np.frombuffer(message, "<f4", 5 * points, at + 20)
        own["raw"] = numbers[: 2 * points].reshape(-1, 2)
        own["keypoints"] = numbers[2 * points : 4 * points].reshape(-1, 2)
        own["confidence"] = numbers[4 * points :]
        found["subjects"].append(own)
        at += 20 + 20 * points
    assert at == len(message)
    return found
