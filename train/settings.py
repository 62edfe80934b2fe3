"""Settings as a command line writes them: NAME=VALUE, for any dataclass of plain values."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from engines.errors import DataError


def parsed(settings: Any, changes: Sequence[str]) -> dict[str, Any]:
    """The values of `changes`, `name=value` each, as `settings` has them by these names.

    Raises:
        DataError: no such setting, or not its kind of value.
    """
    known = {field.name for field in fields(settings)}
    values: dict[str, Any] = {}
    for change in changes:
        name, sign, text = change.partition("=")
        if not sign or name not in known:
            raise DataError(f"no training setting '{change}': write NAME=VALUE")
        kind = type(getattr(settings, name))
        try:
            values[name] = _flag(text) if kind is bool else kind(text)
        except ValueError:
            need = {int: "a whole number", float: "a number", bool: "true or false"}[kind]
            raise DataError(f"the training setting {name} needs {need}") from None
    return values


def _flag(text: str) -> bool:
    flags = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in flags:
        raise ValueError(text)
    return flags[text.lower()]
