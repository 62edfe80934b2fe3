"""The connection of a receiver: made, greeted, and made again when it breaks."""

from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engines.errors import DataError
from realtime.source import SourceError
from realtime.stream.points import MOST_BYTES, PROTOCOL, Welcome

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

OPEN_S = 10.0  # to wait for a connection and its hello
FORBIDDEN = 403


class Link:
    """One connection to a sender of `realtime.stream.points`; what comes is taken by `read`.

    Attributes:
        welcome: what the sender said first.
        greeting: bytes of that.
    """

    def __init__(self, url: str) -> None:
        """
        Raises:
            SourceError: no such address, nobody there, a wrong token, or not a keycam.
            ModuleNotFoundError: websockets is not installed.
        """
        self._name = link_name(url)
        self._open = ExitStack()
        with ExitStack() as undo:
            undo.callback(self.close)
            self._connection = _connect(url, self._name, self._open)
            self._greet()
            undo.pop_all()

    def read(self, timeout_s: float) -> str | bytes | None:
        """The next message; None if none came in time.

        Raises:
            EOFError: the sender has ended.
            ConnectionError: the connection broke.
        """
        from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

        try:
            message: str | bytes = self._connection.recv(timeout_s)
            return message
        except TimeoutError:
            return None
        except ConnectionClosedOK as error:
            raise EOFError from error
        except ConnectionClosed as error:
            raise ConnectionError(str(error)) from error

    def close(self) -> None:
        self._open.close()

    def _greet(self) -> None:
        from websockets.exceptions import WebSocketException

        try:
            text = self._connection.recv(OPEN_S)
            if not isinstance(text, str):
                raise DataError("it does not begin with a hello")
            self.welcome = Welcome.from_json(text)
        except (OSError, WebSocketException, DataError) as error:
            raise SourceError(f"{self._name}: no greeting that makes sense ({error})") from error
        self.greeting = len(text)


def link_name(url: str) -> str:
    """For people: the address without its token.

    Raises:
        SourceError: it is no address of a stream.
    """
    try:
        parts = urlsplit(url)
        there = bool(parts.hostname) and parts.port != 0
    except ValueError:
        there, parts = False, urlsplit("")
    if parts.scheme not in ("ws", "wss") or not there:
        raise SourceError(
            f"{url.partition('?')[0]}: not the address of a stream; copy the one that `keycam "
            "send` prints, as in ws://HOST:PORT/?token=TOKEN"
        )
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _connect(url: str, name: str, opened: ExitStack) -> "ClientConnection":
    """A connection that `opened` closes."""
    from websockets.exceptions import InvalidStatus, WebSocketException
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    try:
        connection: ClientConnection = opened.enter_context(
            connect(
                url,
                subprotocols=[Subprotocol(PROTOCOL)],
                compression=None,
                proxy=None,
                max_size=MOST_BYTES,
                open_timeout=OPEN_S,
                close_timeout=1,
            )
        )
    except InvalidStatus as error:
        status = error.response.status_code
        remedy = "the token is missing or wrong; copy the whole address that the sender prints"
        raise SourceError(
            f"{name}: {remedy if status == FORBIDDEN else f'it answers with status {status}'}"
        ) from error
    except (OSError, WebSocketException) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())[:120]
        raise SourceError(
            f"{name}: no keycam answers there ({reason}); does `keycam send` run, and may it be "
            "reached?"
        ) from error
    if connection.subprotocol != PROTOCOL:
        raise SourceError(f"{name}: it does not send {PROTOCOL}; run `keycam send` there")
    return connection
