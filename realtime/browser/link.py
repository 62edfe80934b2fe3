"""Where the page is served, and how that is told to people and to phones."""

import io
import os
import socket
import sys
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import Event

from engines.errors import DataError
from realtime.browser import LOCAL, USUAL_PORT

WAIT_S = 30.0


def somebody() -> bool:
    """Whether somebody is at a terminal and reads where the page is."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


@dataclass(frozen=True, kw_only=True)
class Serving:
    """Where to serve the page.

    Attributes:
        host: an address or name of this machine; 0.0.0.0 or :: for all of them.
        port: None for the usual one, or another if that is taken; 0 for any.
        patience_s: end when nobody has looked for so long; None to go on.
        wait_s: for so long a file stands still at its first frame until somebody looks; by itself
            half a minute if somebody is at the terminal, who can.
        looked: set once a page has been there.
    """

    host: str = LOCAL
    port: int | None = None
    patience_s: float | None = None
    wait_s: float = field(default_factory=lambda: WAIT_S if somebody() else 0.0)
    looked: Event = field(default_factory=Event, compare=False, repr=False)

    def bind(self) -> socket.socket:
        """A socket that listens.

        Raises:
            DataError: the port is taken, or the host is not this machine's.
        """
        try:
            if self.port is not None:
                return self._bind(self.port)
            try:
                return self._bind(USUAL_PORT)
            except PermissionError:
                raise
            except OSError:
                return self._bind(0)
        except (OSError, UnicodeError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(
                f"no page at {self.host}, port {self.port or USUAL_PORT} ({reason}); choose "
                "another --port, or as --host an address of this machine"
            ) from error

    def _bind(self, port: int) -> socket.socket:
        family, kind, protocol, _, address = socket.getaddrinfo(
            self.host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        link = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # elsewhere it would share the port with another program
                link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            link.bind(address)
            link.listen(64)
        except BaseException:
            link.close()
            raise
        return link

    @property
    def name(self) -> str:
        """The host if it is a name, which browsers may then ask for; else ""."""
        return "" if _address(self.host) else self.host


@dataclass(frozen=True)
class Place:
    """Where the page is.

    Attributes:
        host: for people: of all addresses of this machine, the one others would use.
        abroad: whether other machines can reach it.
    """

    host: str
    port: int
    abroad: bool

    @classmethod
    def of(cls, serving: Serving, link: socket.socket) -> "Place":
        bound, port = link.getsockname()[:2]
        own = ip_address(bound.partition("%")[0])
        host = serving.host
        if own.is_unspecified:
            host = outward(own.version)
        return cls(host, port, abroad=not own.is_loopback)

    def url(self, token: str) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/?token={token}"


def outward(version: int = 4) -> str:
    """This machine's address on its network; nothing is sent to find it."""
    family, somewhere = (
        (socket.AF_INET, "192.0.2.1") if version == 4 else (socket.AF_INET6, "2001:db8::1")
    )
    with socket.socket(family, socket.SOCK_DGRAM) as link:
        try:
            link.connect((somewhere, 9))
            return str(link.getsockname()[0])
        except OSError:  # no network
            return LOCAL if version == 4 else "::1"


def code_text(url: str) -> str:
    """`url` as a QR code of half blocks, light on dark, for a terminal."""
    import segno

    text = io.StringIO()
    segno.make(url, error="m", micro=False).terminal(text, compact=True, border=2)
    return text.getvalue().rstrip("\n")


def code_rows(url: str) -> list[str]:
    """The same as rows of 0 and 1, without a border."""
    import segno

    rows = segno.make(url, error="m", micro=False).matrix
    return ["".join("1" if module else "0" for module in row) for row in rows]


def _address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
