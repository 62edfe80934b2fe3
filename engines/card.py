"""The card: what a model file says about itself, strict JSON inside the ONNX metadata."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from engines.errors import DataError
from engines.skeleton import Skeleton

SCHEMA = "keycam.model/1"
METADATA_KEY = "keycam"
MAX_CARD_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything needed to use a model file, and where it comes from.

    Attributes:
        kind: "tracker" (crop to keypoints) or "decoder" (picture and keypoints to picture).
        name: what the file calls itself.
        skeleton: names, limbs and mirror of the K keypoints.
        size: side S of the square crop the graph takes, pixels.
        margin: side of the roi over the larger side of the pose's box, as seen in training; the
            tracker cuts its next roi with it.
        data: what it was trained on, in words.
        licence: under which terms the weights are given.
        method: how it was trained, in words.
        errors: measured errors, label to number, e.g. {"faces/val NME": 0.071}.
        run: sha256 of the training configuration it came from, hexadecimal.
    """

    kind: Literal["tracker", "decoder"]
    name: str
    skeleton: Skeleton
    size: int
    margin: float
    data: str
    licence: str
    method: str
    errors: Mapping[str, float]
    run: str

    def to_json(self) -> str:
        table = {field.name: getattr(self, field.name) for field in fields(self)}
        table["skeleton"] = self.skeleton.to_dict()
        table["errors"] = dict(self.errors)
        return json.dumps({"schema": SCHEMA, **table}, allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, where: str = "card") -> Self:
        """Read what `to_json` wrote; a missing, unknown or ill-typed entry is refused by name.

        Raises:
            DataError: with `where` in the message.
        """
        if len(text) > MAX_CARD_BYTES:
            raise DataError(f"{where}: the card is larger than {MAX_CARD_BYTES} bytes")
        try:
            table = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: the card is not valid JSON ({error})") from error
        if not isinstance(table, dict):
            raise DataError(f"{where}: the card is not a JSON object")
        if table.pop("schema", None) != SCHEMA:
            raise DataError(
                f"{where}: the card's schema is not {SCHEMA}; this keycam cannot use it"
            )
        _check(table, {field.name for field in fields(cls)}, where)
        table["skeleton"] = Skeleton.from_dict(table["skeleton"], f"{where}: skeleton")
        return cls(**table)

    def facts(self) -> dict[str, Any]:
        """The card without its skeleton's drawing, for reports and recordings."""
        table = asdict(self)
        table["skeleton"] = self.skeleton.name
        table["errors"] = dict(self.errors)
        return table


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number JSON allows")


def _check(table: dict[str, Any], names: set[str], where: str) -> None:
    if missing := sorted(names - set(table)):
        raise DataError(f"{where}: the card lacks {missing[0]!r}")
    if unknown := sorted(set(table) - names):
        raise DataError(f"{where}: the card holds an unknown entry {unknown[0]!r}")
    for key in ("name", "data", "licence", "method", "run"):
        if not isinstance(table[key], str):
            raise DataError(f"{where}: the card's '{key}' is not text")
    if table["kind"] not in ("tracker", "decoder"):
        raise DataError(
            f"{where}: the card's kind {table['kind']!r} is neither tracker nor decoder"
        )
    if type(table["size"]) is not int or not 16 <= table["size"] <= 2048:
        raise DataError(f"{where}: the card's size {table['size']!r} is not 16 to 2048 pixels")
    if not _is_number(table["margin"]) or not 0.5 <= table["margin"] <= 20:
        raise DataError(f"{where}: the card's margin {table['margin']!r} is not 0.5 to 20")
    errors = table["errors"]
    if not isinstance(errors, dict) or not all(map(_is_number, errors.values())):
        raise DataError(f"{where}: the card's errors are not a table of numbers")


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= sys.float_info.max  # JSON's 1e999 is read as infinity
