"""The page's own files and its WebSocket, and nothing else: an ASGI application.

Whoever is not let in (`realtime.browser.door`) learns nothing but that.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from importlib import resources
from time import monotonic
from typing import TYPE_CHECKING, Any

from engines.errors import DataError
from realtime.browser.desk import Desk
from realtime.browser.door import REFUSED, Arrival, Door
from realtime.browser.link import Place
from realtime.browser.request import Invite, read_request
from realtime.browser.scene import message
from realtime.browser.viewer import Viewer

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send
    from starlette.websockets import WebSocket

MOST_VIEWERS = 8
MOST_HZ = 400  # messages from one page
MOST_REFUSED = 20
TOO_MANY, NOT_UNDERSTOOD = 1013, 1008  # why a WebSocket is closed, RFC 6455 and its registry
FILES = {  # of the page, and their kinds
    "": "text/html",
    "page.css": "text/css",
    "protocol.js": "text/javascript",
    "drawing.js": "text/javascript",
    "numbers.js": "text/javascript",
    "page.js": "text/javascript",
}
LIVE = "/live"

log = logging.getLogger(__name__)


class Site:
    """Answers requests; every method is called on the server's thread."""

    def __init__(self, desk: Desk, place: Place, name: str, opened: Callable[[str], None]) -> None:
        """
        Args:
            name: of this machine, if the page may be asked for under one.
            opened: called with the address of a browser that was let in for the printed token.
        """
        self.door = Door(place.port, name)
        self._desk = desk
        self._abroad = place.abroad
        self._opened = opened
        self._files = {
            f"/{name}": resources.files(__package__)
            .joinpath("page", name or "index.html")
            .read_bytes()
            for name in FILES
        }

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        from starlette.requests import Request
        from starlette.websockets import WebSocket

        try:
            if scope["type"] == "http":
                await self._answer(Request(scope))(scope, receive, send)
            elif scope["type"] == "websocket":
                await self._attend(WebSocket(scope, receive, send))
        except Exception:  # the server goes on, and the mistake is ours
            log.exception("a request failed")

    def _answer(self, request: "Request") -> "Response":
        from starlette.responses import Response

        arrival = _arrival(request)
        if request.method != "GET":
            return Response(status_code=HTTPStatus.METHOD_NOT_ALLOWED, headers=_headers(""))
        host = self.door.host(arrival) or ""
        cookie = None
        if not self.door.knows(arrival) or arrival.token:
            cookie = self._exchange(arrival, request) if request.url.path == "/" else None
            if cookie is None and not self.door.knows(arrival):
                return Response(
                    REFUSED,
                    HTTPStatus.FORBIDDEN,
                    headers=_headers(""),
                    media_type="text/plain",
                )
        data = self._files.get(request.url.path)
        if data is None:
            return Response(status_code=HTTPStatus.NOT_FOUND, headers=_headers(host))
        kind = FILES[request.url.path.removeprefix("/")]
        response = Response(data, headers=_headers(host), media_type=kind)
        if cookie is not None:
            response.set_cookie(self.door.cookie, cookie, httponly=True, samesite="strict")
        return response

    def _exchange(self, arrival: Arrival, request: "Request") -> str | None:
        before = self.door.token
        cookie = self.door.exchange(arrival)
        if self.door.token != before:
            self._opened(request.client.host if request.client else "somewhere")
        return cookie

    async def _attend(self, socket: "WebSocket") -> None:
        from starlette.responses import Response

        if socket.url.path != LIVE or not self.door.admits(_arrival(socket)):
            refusal = Response(REFUSED, HTTPStatus.FORBIDDEN, media_type="text/plain")
            await socket.send_denial_response(refusal)
            return
        await socket.accept()
        if self._desk.full(MOST_VIEWERS):
            await socket.close(TOO_MANY, f"{MOST_VIEWERS} pages look on already")
            return
        viewer = Viewer(asyncio.Event())
        self._desk.enter(viewer)
        feeding = asyncio.create_task(_feed(socket, viewer))
        try:
            await self._hear(socket, viewer)
        finally:
            self._desk.leave(viewer)
            feeding.cancel()
            with suppress(Exception, asyncio.CancelledError):  # it was cut off in the middle
                await feeding

    async def _hear(self, socket: "WebSocket", viewer: Viewer) -> None:
        """Until the page goes, or what it sends is no longer listened to."""
        allowed, since, refused = float(MOST_HZ), monotonic(), 0
        while (event := await socket.receive())["type"] == "websocket.receive":
            now = monotonic()
            allowed = min(allowed + (now - since) * MOST_HZ, MOST_HZ) - 1
            since = now
            if allowed < 0 or refused > MOST_REFUSED or event.get("text") is None:
                await socket.close(NOT_UNDERSTOOD, "too much, or not what is understood")
                return
            try:
                request = read_request(event["text"])
                wanted = isinstance(request, Invite) and self._abroad
                self._desk.answer(viewer, request, self.door.invite() if wanted else None)
            except DataError as error:
                refused += 1
                viewer.put_text(message("refused", {"why": str(error)}))
                viewer.wake.set()


async def _feed(socket: "WebSocket", viewer: Viewer) -> None:
    while True:
        await viewer.wake.wait()
        viewer.wake.clear()
        for item in viewer.take():
            if isinstance(item, str):
                await socket.send_text(item)
            else:
                await socket.send_bytes(item)


def _arrival(request: "HTTPConnection[Any]") -> Arrival:
    local = request.scope.get("server") or ("0.0.0.0", 0)
    return Arrival(
        local=(local[0], local[1] or 0),
        headers={name.lower(): value for name, value in request.headers.items()},
        token=request.query_params.get("token", ""),
        cookies=request.cookies,
    )


def _headers(host: str) -> dict[str, str]:
    """`host` as the browser calls this server; older ones do not take 'self' for a WebSocket."""
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"img-src 'self' data: blob:; connect-src 'self' {f'ws://{host}' if host else ''}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
