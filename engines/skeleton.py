"""Skeletons: names of keypoints, the limbs that join them, and what mirrors into what."""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NoReturn, Self

from engines.errors import DataError

MAX_KEYPOINTS = 512
MAX_FILE_BYTES = 1 << 20
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_NAME = re.compile(r"[A-Za-z0-9_.+-]{1,64}")


@dataclass(frozen=True)
class Limb:
    """A path of keypoints (0-based indices) drawn in one colour; `closed` joins its ends."""

    name: str
    color: str
    path: tuple[int, ...]
    closed: bool = False

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        ends = ((self.path[-1], self.path[0]),) if self.closed else ()
        return tuple(pairwise(self.path)) + ends

    @property
    def rgb(self) -> tuple[int, int, int]:
        value = int(self.color[1:], 16)
        return value >> 16, value >> 8 & 255, value & 255


@dataclass(frozen=True)
class Skeleton:
    """K named keypoints and the limbs between them.

    Attributes:
        keypoints: the K names, in the order of every (K, 2) array.
        limbs: what is drawn. Together they hold every edge.
        mirror: pairs of indices that change places when a picture is flipped left to right.
        rotation: "upright" if the subject has an up in the picture, "any" if it has none
            (an animal seen from above): training then turns poses and pictures freely.
        forward: (from, to) indices along which the subject usually moves, or None.
    """

    name: str
    keypoints: tuple[str, ...]
    limbs: tuple[Limb, ...]
    mirror: tuple[tuple[int, int], ...] = ()
    rotation: Literal["upright", "any"] = "upright"
    forward: tuple[int, int] | None = None

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """All edges, 0-based pairs, in the order of the limbs."""
        return tuple(edge for limb in self.limbs for edge in limb.edges)

    @cached_property
    def flipped(self) -> tuple[int, ...]:
        """Index map of the mirror: after a left-right flip, keypoint i is the old `flipped[i]`."""
        order = list(range(len(self.keypoints)))
        for a, b in self.mirror:
            order[a], order[b] = b, a
        return tuple(order)

    @classmethod
    def load(cls, name_or_path: str | Path) -> Self:
        """A built-in skeleton by name (`face68`, `mouse4`, `h36m17`), or one from a TOML file.

        Raises:
            DataError: no such skeleton, or the file is not a valid one.
        """
        builtin = resources.files("engines") / "skeletons" / f"{name_or_path}.toml"
        if _NAME.fullmatch(str(name_or_path)) and builtin.is_file():
            return cls.from_dict(tomllib.loads(builtin.read_text("utf-8")), where=str(name_or_path))
        path = Path(name_or_path)
        if not path.is_file():
            known = ", ".join(sorted(cls.builtin_names()))
            raise DataError(
                f"no skeleton '{name_or_path}': name a TOML file or one of the built-in {known}"
            )
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DataError(f"{path}: too large for a skeleton file; it should be a small TOML")
        try:
            table = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"{path}: not a readable TOML skeleton ({error})") from error
        return cls.from_dict(table, where=str(path))

    @staticmethod
    def builtin_names() -> list[str]:
        folder = resources.files("engines") / "skeletons"
        return [entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml")]

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], where: str = "skeleton") -> Self:
        """Build from the strict form that `to_dict` writes and a TOML file holds.

        Keypoints may be written by name or by 0-based index. Unknown or missing keys, unknown
        names and indices out of range are refused by name.

        Raises:
            DataError: with `where` and the offending entry in the message.
        """
        check = _Checker(where)
        check.keys(table, {"name", "keypoints", "limbs"}, {"mirror", "rotation", "forward"})
        names = check.names(table["keypoints"])
        mirror = tuple(check.pair(pair, names, "mirror") for pair in check.entries(table, "mirror"))
        check.disjoint(mirror, names)
        rotation = table.get("rotation", "upright")
        if rotation not in ("upright", "any"):
            check.fail(f"rotation is {rotation!r}; it must be 'upright' or 'any'")
        forward = table.get("forward")
        limbs = check.limbs(check.entries(table, "limbs"), names)
        return cls(
            name=check.word(table["name"], "name"),
            keypoints=names,
            limbs=limbs,
            mirror=mirror,
            rotation=rotation,
            forward=None if forward is None else check.pair(forward, names, "forward"),
        )

    def to_dict(self) -> dict[str, Any]:
        """The plain form for JSON: `from_dict(to_dict(s)) == s`."""
        named = self.keypoints
        table: dict[str, Any] = {
            "name": self.name,
            "keypoints": list(named),
            "limbs": [
                {
                    "name": limb.name,
                    "color": limb.color,
                    "path": [named[i] for i in limb.path],
                    "closed": limb.closed,
                }
                for limb in self.limbs
            ],
            "mirror": [[named[a], named[b]] for a, b in self.mirror],
            "rotation": self.rotation,
        }
        if self.forward is not None:
            table["forward"] = [named[i] for i in self.forward]
        return table


class _Checker:
    """Checks of one skeleton table; every failure names the table."""

    def __init__(self, where: str) -> None:
        self.where = where

    def fail(self, message: str) -> NoReturn:
        raise DataError(f"{self.where}: {message}")

    def keys(self, table: Any, required: set[str], optional: set[str]) -> None:
        if not isinstance(table, Mapping):
            self.fail("a table was expected")
        if missing := sorted(required - set(table)):
            self.fail(f"{missing[0]!r} is missing")
        if unknown := sorted(set(table) - required - optional):
            allowed = ", ".join(sorted(required | optional))
            self.fail(f"unknown key {unknown[0]!r} (known: {allowed})")

    def entries(self, table: Mapping[str, Any], key: str) -> list[Any]:
        value = table.get(key, [])
        if not isinstance(value, list):
            self.fail(f"'{key}' must be a list")
        return list(value)

    def word(self, value: Any, what: str) -> str:
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            self.fail(f"{what} {value!r} must be a word of letters, digits and _ . + -")
        return str(value)

    def names(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_KEYPOINTS:
            self.fail(f"'keypoints' must be a list of 1 to {MAX_KEYPOINTS} names")
        names = tuple(self.word(name, "keypoint name") for name in value)
        if twice := [name for name in names if names.count(name) > 1]:
            self.fail(f"keypoint '{twice[0]}' is named twice")
        return names

    def index(self, value: Any, names: tuple[str, ...], what: str) -> int:
        if isinstance(value, str) and value in names:
            return names.index(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail(f"{what}: there is no keypoint {value!r}")
        if not 0 <= value < len(names):
            self.fail(f"{what}: index {value} is out of range 0..{len(names) - 1}")
        return int(value)

    def pair(self, value: Any, names: tuple[str, ...], what: str) -> tuple[int, int]:
        if not isinstance(value, list) or len(value) != 2:
            self.fail(f"{what}: {value!r} is not a pair of keypoints")
        a, b = (self.index(end, names, what) for end in value)
        if a == b:
            self.fail(f"{what}: {value!r} joins a keypoint to itself")
        return a, b

    def disjoint(self, mirror: tuple[tuple[int, int], ...], names: tuple[str, ...]) -> None:
        ends = Counter(end for pair in mirror for end in pair)
        if twice := [end for end, times in ends.items() if times > 1]:
            self.fail(f"mirror: '{names[twice[0]]}' is in two pairs")

    def limbs(self, value: list[Any], names: tuple[str, ...]) -> tuple[Limb, ...]:
        if not value:
            self.fail("'limbs' is empty; a skeleton needs at least one edge to draw")
        return tuple(self.limb(entry, names) for entry in value)

    def limb(self, table: Any, names: tuple[str, ...]) -> Limb:
        self.keys(table, {"name", "color", "path"}, {"closed"})
        name = self.word(table["name"], "limb name")
        color, closed = table["color"], table.get("closed", False)
        if not isinstance(color, str) or not _COLOR.fullmatch(color):
            self.fail(f"limb '{name}': color {color!r} must look like '#ff8800'")
        if not isinstance(closed, bool):
            self.fail(f"limb '{name}': closed must be true or false")
        path = tuple(
            self.index(end, names, f"limb '{name}'") for end in self.entries(table, "path")
        )
        if len(path) < 2 + closed:
            self.fail(f"limb '{name}': a path needs at least {2 + closed} keypoints")
        limb = Limb(name, color.lower(), path, closed)
        if any(a == b for a, b in limb.edges):
            self.fail(f"limb '{name}': the path steps from a keypoint to itself")
        return limb
