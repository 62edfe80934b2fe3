"""A ZeroMQ publisher: two-part messages, a topic and a JSON object.

Topics are `hello`, once per second, and `pose`. Subscribers log in by ZeroMQ's PLAIN mechanism:

    socket.plain_username, socket.plain_password = b"keycam", TOKEN

For a subscriber that is QUEUE messages behind, ZeroMQ leaves out new ones, uncounted; it sees
that by the holes in `frame`.
"""

import logging
import secrets

from engines.errors import DataError
from realtime.frame import Frame
from realtime.record import Record
from realtime.stream.address import Address
from realtime.stream.message import Greeter, Hello, pose_message

USER = "keycam"
QUEUE = 16

log = logging.getLogger(__name__)
_library = logging.getLogger(f"{__name__}.library")
_library.setLevel(logging.CRITICAL)  # it reports every login, and whoever is turned away


class Zmq:
    """A PUB socket that binds.

    Attributes:
        endpoint, token: for subscribers.
    """

    def __init__(self, address: Address, hello: Hello) -> None:
        """
        Raises:
            DataError: the port is taken, or the host is not this machine's.
            ModuleNotFoundError: pyzmq is not installed.
        """
        import zmq
        from zmq.auth.thread import ThreadAuthenticator

        self.token = address.token or secrets.token_urlsafe(16)
        self._hello = hello
        self._greeter = Greeter()
        self._context = zmq.Context()
        self._door = ThreadAuthenticator(self._context, log=_library)
        self._door.start()
        self._door.configure_plain(domain="*", passwords={USER: self.token})
        self._socket = self._context.socket(zmq.PUB)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.SNDHWM, QUEUE)
        self._socket.set(zmq.IPV6, int(":" in address.host))
        self._socket.plain_server = True
        try:
            self._socket.bind(f"tcp://{address.netloc}")
        except zmq.ZMQError as error:
            self.close()
            raise DataError(
                f"{address}: no server there ({error}); choose another port, or an address of "
                "this machine, in numbers"
            ) from error
        self.endpoint = self._socket.get_string(zmq.LAST_ENDPOINT)
        self.name = self.endpoint.replace("tcp", "zmq", 1)
        text = "subscribers connect to %s with plain_username %s, plain_password %s"
        log.info(text, self.endpoint, USER, self.token)

    def send(self, frame: Frame, record: Record) -> None:  # noqa: ARG002
        if self._greeter.due():
            self._socket.send_multipart([b"hello", self._hello.to_json()])
        self._socket.send_multipart([b"pose", pose_message(record)])  # a PUB never waits

    def close(self) -> None:
        self._socket.close()
        self._door.stop()
        self._context.term()
