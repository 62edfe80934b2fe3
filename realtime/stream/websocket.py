"""A WebSocket server that sends every client the hello and then the poses, as JSON text.

A client shows the token, `ws://HOST:PORT/?token=TOKEN`, so a page from elsewhere that the user
happens to open gets nothing. It has a short queue of its own from which the oldest pose is
dropped, so a slow client holds up neither the loop nor another client. What it sends is not read.
"""

import asyncio
import logging
import secrets
import socket
from collections import deque
from concurrent.futures import Future
from dataclasses import replace
from http import HTTPStatus
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from engines.errors import DataError
from realtime.frame import Frame
from realtime.record import Record
from realtime.stream.address import Address
from realtime.stream.message import Hello, pose_message

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

MOST_CLIENTS = 16
QUEUE = 4  # poses that may wait for one client
SEND_BUFFER = 1 << 16  # bytes the kernel may keep for one client; more would only be older
MOST_INCOMING = 1 << 10  # bytes of a message from a client, which nobody reads
START_S = STOP_S = 5.0

log = logging.getLogger(__name__)
_library = logging.getLogger(f"{__name__}.library")
_library.setLevel(logging.CRITICAL)  # it reports every stranger's broken handshake as an error


class _Box:
    """What waits for one client."""

    def __init__(self) -> None:
        self.waiting: deque[str] = deque()
        self.filled = asyncio.Event()
        self.dropped = 0

    def put(self, text: str) -> None:
        self.waiting.append(text)
        if len(self.waiting) > QUEUE:
            self.waiting.popleft()
            self.dropped += 1
        self.filled.set()


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
        if self._boxes:
            text = pose_message(record).decode()
            self._loop.call_soon_threadsafe(self._give, text)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_S)

    def _give(self, text: str) -> None:
        for box in self._boxes.values():
            box.put(text)

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
        box = _Box()
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
            if box.dropped:
                log.info("%s: a slow client missed %d poses", self.name, box.dropped)

    async def _feed(self, connection: "ServerConnection", box: _Box) -> None:
        await connection.send(self._hello.to_json().decode())
        while True:
            await box.filled.wait()
            box.filled.clear()
            while box.waiting:
                await connection.send(box.waiting.popleft())
