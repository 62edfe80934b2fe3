"""A WebSocket server that sends every client the hello and then the poses, as JSON text.

A client that asks for the subprotocol of `realtime.stream.points` gets its few bytes instead.

A client shows the token, `ws://HOST:PORT/?token=TOKEN`, so a page from elsewhere that the user
happens to open gets nothing. It has a short queue of its own from which the oldest pose is
dropped, so a slow client holds up neither the loop nor another client. What it sends is not read.
"""

import asyncio
import logging
import secrets
import socket
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from http import HTTPStatus
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from engines.errors import DataError
from realtime.frame import Frame
from realtime.record import Record
from realtime.stream.address import Address
from realtime.stream.message import Hello, pose_message
from realtime.stream.points import PROTOCOL, Packet, Welcome

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response
    from websockets.typing import Subprotocol

MOST_CLIENTS = 16
QUEUE = 4  # poses that may wait for one client
SEND_BUFFER = 1 << 16  # bytes the kernel may keep for one client; more would only be older
MOST_INCOMING = 1 << 10  # bytes of a message from a client, which nobody reads
START_S = STOP_S = 5.0

log = logging.getLogger(__name__)
_library = logging.getLogger(f"{__name__}.library")
_library.setLevel(logging.CRITICAL)  # it reports every stranger's broken handshake as an error


class _Box:
    """What waits for one client, and what became of the rest."""

    def __init__(self, *, points: bool) -> None:
        self.points = points  # whether it asked for the few bytes
        self.waiting: deque[str | bytes] = deque()
        self.filled = asyncio.Event()
        self.sent = self.bytes = self.dropped = 0
        self._since_s = monotonic()

    def put(self, message: str | bytes) -> None:
        self.waiting.append(message)
        if len(self.waiting) > QUEUE:
            self.waiting.popleft()
            self.dropped += 1
        self.filled.set()

    def count(self, message: str | bytes) -> None:
        self.sent += 1
        self.bytes += len(message)  # JSON is ASCII

    def to_text(self) -> str:
        """For people, once the client is gone."""
        seconds = max(monotonic() - self._since_s, 1e-9)
        rate = f"{self.bytes * 8 / seconds / 1e3:.0f} kbit/s"
        slow = f"; it was slow and missed {self.dropped}" if self.dropped else ""
        return f"a client got {self.sent} poses in {seconds:.1f} s, {rate}{slow}"


class WebSocket:
    """The server, on a thread of its own.

    Attributes:
        url: with the token, for clients.
    """

    def __init__(self, address: Address, hello: Hello) -> None:
        """
        Raises:
            DataError: the port is taken, or the host is not this machine's.
            ModuleNotFoundError: websockets is not installed.
        """
        from websockets.asyncio.server import serve

        self._server = serve
        self._address = address
        self._hello = hello
        self._token = address.token or secrets.token_urlsafe(16)
        self._welcome = Welcome.of(hello)
        self._number = 0  # of the next pose
        self._boxes: dict[ServerConnection, _Box] = {}
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        started: Future[int] = Future()
        self._thread = Thread(
            target=self._run, args=(started,), name=f"serve {address}", daemon=True
        )
        self._thread.start()
        try:
            port = started.result(START_S)
        except (OSError, UnicodeError, TimeoutError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(
                f"{address}: no server there ({reason}); choose another port, or an address of "
                "this machine"
            ) from error
        self.name = str(replace(address, port=port))
        self.url = f"{self.name}/?token={self._token}"
        log.info("clients connect to %s", self.url)

    def send(self, frame: Frame, record: Record) -> None:  # noqa: ARG002
        number, self._number = self._number, self._number + 1
        kinds = {box.points for box in list(self._boxes.values())}
        if True in kinds:
            self._put(Packet.of(record, number).to_bytes(), points=True)
        if False in kinds:
            self._put(pose_message(record).decode(), points=False)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_S)

    def _put(self, message: str | bytes, *, points: bool) -> None:
        """Have it put into the boxes of one kind, on the server's thread."""

        def give() -> None:
            for box in self._boxes.values():
                if box.points is points:
                    box.put(message)

        self._loop.call_soon_threadsafe(give)

    def _run(self, started: "Future[int]") -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve(started))
            except (OSError, UnicodeError) as error:
                started.set_exception(error)

    async def _serve(self, started: "Future[int]") -> None:
        server = await self._server(
            self._attend,
            self._address.host,
            self._address.port,
            process_request=self._admit,
            select_subprotocol=_select,
            compression=None,
            max_size=MOST_INCOMING,
            close_timeout=1,
            server_header=None,
            logger=_library,
        )
        async with server:
            started.set_result(server.sockets[0].getsockname()[1])
            await self._stop.wait()

    def _admit(self, connection: "ServerConnection", request: "Request") -> "Response | None":
        """None to let a client in."""
        query = parse_qs(urlsplit(request.path).query)
        shown = query.get("token", [""])[0]
        if not secrets.compare_digest(shown.encode(), self._token.encode()):
            return connection.respond(HTTPStatus.FORBIDDEN, "the token is missing or wrong\n")
        if len(self._boxes) >= MOST_CLIENTS:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many clients\n")
        return None

    async def _attend(self, connection: "ServerConnection") -> None:
        box = _Box(points=connection.subprotocol == PROTOCOL)
        link = connection.transport.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._boxes[connection] = box
        feeding = asyncio.create_task(self._feed(connection, box))
        try:
            async for _ in connection:
                pass
        finally:
            del self._boxes[connection]
            feeding.cancel()
            log.info("%s: %s", self.name, box.to_text())

    async def _feed(self, connection: "ServerConnection", box: _Box) -> None:
        hello = self._welcome.to_json() if box.points else self._hello.to_json().decode()
        await connection.send(hello)
        while True:
            await box.filled.wait()
            box.filled.clear()
            while box.waiting:
                message = box.waiting.popleft()
                await connection.send(message)
                box.count(message)


def _select(_: "ServerConnection", offered: "Sequence[Subprotocol]") -> "Subprotocol | None":
    """The few bytes for those who ask for them, JSON for all others."""
    return next((own for own in offered if own == PROTOCOL), None)
