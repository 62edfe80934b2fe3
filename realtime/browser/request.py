"""What the page may ask of the server: short JSON objects, each with one of these keys.

{"seen": [POSE, PICTURE]}   the newest sequences that arrived and, of pictures, were decoded
{"ping": MS}                answered with the same number and the server's clock
{"view": {"width": PX, "pictures": BOOL}}   how wide the picture is shown; whether it is seen
{"ask": ACTION, "value": TEXT or BOOL}      as for `Controls.ask`; the value may be left out
{"choose": {"source": N, "model": N}}       one or both, by their places in what was offered
{"invite": true}            an address for another device
"""

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from engines.errors import DataError
from realtime.controls import Action, Value, checked

MOST_BYTES = 4096  # of one message
WIDEST = 1 << 14
MOST_MS = 1e15
MOST_OFFERED = 1000
_SEQUENCES = 1 << 32


@dataclass(frozen=True)
class Seen:
    pose: int
    picture: int


@dataclass(frozen=True)
class Ping:
    sent_ms: float


@dataclass(frozen=True)
class View:
    """How the picture is shown: its width in the screen's own pixels; no pictures if hidden."""

    width: int
    pictures: bool


@dataclass(frozen=True)
class Ask:
    action: Action
    value: Value


@dataclass(frozen=True)
class Choose:
    """None for what is to stay."""

    source: int | None
    model: int | None


@dataclass(frozen=True)
class Invite:
    pass


Request: TypeAlias = Seen | Ping | View | Ask | Choose | Invite


def read_request(text: str) -> Request:
    """
    Raises:
        DataError: it is not as above.
    """
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("not JSON") from error
    if not isinstance(table, dict) or not table:
        raise DataError("not an object with a key")
    key = next(iter(table))
    readers = {
        "seen": _seen, "ping": _ping, "view": _view, "ask": _ask, "choose": _choose,
        "invite": _invite,
    }  # fmt: skip
    if key not in readers or set(table) - {key, "value"} or ("value" in table and key != "ask"):
        raise DataError(f"nothing is done for {sorted(table)!r:.60}")
    return readers[key](table)


def _seen(table: dict[str, Any]) -> Request:
    value = table["seen"]
    if not isinstance(value, list) or len(value) != 2:
        raise DataError("seen: two numbers are wanted")
    pose, picture = (_whole(number, _SEQUENCES, "seen") for number in value)
    return Seen(pose, picture)


def _ping(table: dict[str, Any]) -> Request:
    value = table["ping"]
    if type(value) not in (int, float) or not abs(value) < MOST_MS:
        raise DataError("ping: a number is wanted")
    return Ping(float(value))


def _view(table: dict[str, Any]) -> Request:
    value = table["view"]
    if not isinstance(value, dict) or set(value) != {"width", "pictures"}:
        raise DataError("view: width and pictures are wanted")
    if type(value["pictures"]) is not bool:
        raise DataError("view: pictures is true or false")
    return View(_whole(value["width"], WIDEST, "width"), value["pictures"])


def _ask(table: dict[str, Any]) -> Request:
    action = table["ask"]
    if not isinstance(action, str):
        raise DataError("ask: the name of an action is wanted")
    return Ask(*checked(action, table.get("value")))


def _choose(table: dict[str, Any]) -> Request:
    value = table["choose"]
    if not isinstance(value, dict) or not value or set(value) - {"source", "model"}:
        raise DataError("choose: source or model is wanted")
    places = {name: _whole(own, MOST_OFFERED, name) for name, own in value.items()}
    return Choose(places.get("source"), places.get("model"))


def _invite(table: dict[str, Any]) -> Request:
    if table["invite"] is not True:
        raise DataError("invite: true is wanted")
    return Invite()


def _whole(value: object, end: int, what: str) -> int:
    if type(value) is not int or not 0 <= value < end:
        raise DataError(f"{what}: a whole number below {end} is wanted")
    return value
