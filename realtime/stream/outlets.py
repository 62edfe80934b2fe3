"""Which outlets there are, and the one way to open one."""

from importlib import import_module

from realtime.stream.address import Address
from realtime.stream.message import Hello
from realtime.stream.stream import Outlet, Stream

OUTLETS = {  # scheme: (module of this package, class in it)
    "ws": ("websocket", "WebSocket"),
    "udp": ("udp", "Udp"),
    "osc": ("osc", "Osc"),
    "vmc": ("vmc", "Vmc"),
    "lsl": ("lsl", "Lsl"),
    "zmq": ("zmq", "Zmq"),
}


def open_stream(address: Address, hello: Hello) -> Stream:
    """The sink that sends poses to an address of any scheme in OUTLETS.

    Raises:
        DataError: it cannot be sent to, or not served there.
        ModuleNotFoundError: it needs a package that is not installed.
    """
    module, name = OUTLETS[address.scheme]
    outlet: Outlet = getattr(import_module(f"realtime.stream.{module}"), name)(address, hello)
    return Stream(outlet)
