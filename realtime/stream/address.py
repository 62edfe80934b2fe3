"""Where a stream goes: the text that names it, taken apart."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from engines.errors import DataError

FORMS = {  # scheme: how an address of it is written
    "ws": "ws://HOST:PORT",
    "udp": "udp://HOST:PORT",
    "osc": "osc://HOST:PORT/NAME",
    "vmc": "vmc://HOST:PORT",
    "lsl": "lsl:NAME",
    "zmq": "zmq://HOST:PORT",
    "vcam": "vcam:DEVICE",
}
CAMERA = "vcam"  # which takes pictures, not poses
VMC_PORT = 39539  # where a VMC Marionette listens, protocol.vmc.info
LEAST_TOKEN = 16  # characters of a token that the user chose
_LOCAL = ("lsl", "vcam")  # without host and port
_SERVERS = ("ws", "zmq")  # with a token
_NAMED = ("osc",)  # with a name after the port


@dataclass(frozen=True, kw_only=True)
class Address:
    """One destination.

    Attributes:
        scheme: of FORMS.
        host, port: "" and 0 for a scheme without them; port 0 of a server: any free one.
        name: of the OSC addresses, of the LSL stream, of the camera's device; "" if not given.
        token: that clients of a server must show; "" if the user gave none.
    """

    scheme: str
    host: str = ""
    port: int = 0
    name: str = ""
    token: str = ""

    def __str__(self) -> str:
        """As it was written, without the token."""
        if self.scheme in _LOCAL:
            return f"{self.scheme}:{self.name}"
        tail = f"/{self.name}" if self.name else ""
        return f"{self.scheme}://{self.netloc}{tail}"

    @property
    def netloc(self) -> str:
        """HOST:PORT, an IPv6 host in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what the user wrote, as in FORMS; a server's may end with `/?token=TOKEN`.

        Raises:
            DataError: it is no such address; the message says what is wrong with it.
        """
        scheme, colon, rest = text.partition(":")
        scheme = scheme.lower()
        if not colon or scheme not in FORMS:
            raise DataError(f"--to {text}: no address to send to; say {', '.join(FORMS.values())}")
        if scheme in _LOCAL:
            return cls(scheme=scheme, name=rest)
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
            query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        except ValueError as error:
            raise DataError(f"--to {text}: {error}; say {FORMS[scheme]}") from error
        if port is None and scheme == "vmc":
            port = VMC_PORT
        if not host or port is None or (port == 0 and scheme not in _SERVERS):
            raise DataError(f"--to {text}: a host and a port are due; say {FORMS[scheme]}")
        name, token = parts.path.strip("/"), query.pop("token", "")
        foreign = query or parts.fragment or parts.username is not None
        if foreign or (name and scheme not in _NAMED) or (token and scheme not in _SERVERS):
            raise DataError(f"--to {text}: more than an address; say {FORMS[scheme]}")
        if token and len(token) < LEAST_TOKEN:
            raise DataError(
                f"--to {scheme}://{host}:{port}: a token of your own has {LEAST_TOKEN} characters "
                "or more; leave it out and one is made"
            )
        return cls(scheme=scheme, host=host, port=port, name=name, token=token)
