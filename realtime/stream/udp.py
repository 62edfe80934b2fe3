"""Poses as UDP datagrams: the JSON outlet, and the socket that OSC and VMC share with it."""

import socket
from typing import Any

from engines.errors import DataError
from realtime.frame import Frame
from realtime.record import Record
from realtime.stream.address import Address
from realtime.stream.message import Greeter, Hello, pose_message


class Datagrams:
    """A socket that sends datagrams to one address. Nobody need listen there."""

    def __init__(self, address: Address) -> None:
        """
        Raises:
            DataError: there is no such host.
        """
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise DataError(f"{address}: no such host; check its name") from error
        family, kind, protocol, _, target = found[0]
        self._target: tuple[Any, ...] = target
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._socket.settimeout(0)

    def send(self, data: bytes) -> None:
        """
        Raises:
            OSError: no way there, no room, or more than a datagram holds (65,507 bytes).
        """
        self._socket.sendto(data, self._target)

    def close(self) -> None:
        self._socket.close()


class Udp:
    """Each message of `realtime.stream.message` as one datagram, the hello once per second."""

    def __init__(self, address: Address, hello: Hello) -> None:
        """
        Raises:
            DataError: there is no such host.
        """
        self.name = str(address)
        self._hello = hello
        self._greeter = Greeter()
        self._datagrams = Datagrams(address)

    def send(self, frame: Frame, record: Record) -> None:  # noqa: ARG002
        if self._greeter.due():
            self._datagrams.send(self._hello.to_json())
        self._datagrams.send(pose_message(record))

    def close(self) -> None:
        self._datagrams.close()
