"""Findings: what is wrong or doubtful, where, and what to do about it."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

from engines.errors import DataError

Severity: TypeAlias = Literal["stop", "warning"]
NAMED = 3  # of many that share a fault, so many are named


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault.

    Attributes:
        severity: "stop" where nothing usable is left; "warning" where training can go on.
        where: the file, clip or keypoint at fault; empty where `what` names it.
        what: the fault, with the figure that shows it.
        remedy: what to do, an imperative.
    """

    severity: Severity = "warning"
    where: str = ""
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}; {self.remedy}" if self.remedy else head

    @classmethod
    def from_dict(cls, table: dict[str, Any]) -> Self:
        try:
            return cls(**table)
        except TypeError as error:
            raise DataError(f"not a finding ({error})") from error


def named(names: Sequence[str]) -> str:
    """The first few of `names`, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def stop_if_needed(findings: Iterable[Finding]) -> None:
    """Raise DataError with the first finding that leaves nothing to train on."""
    for finding in findings:
        if finding.severity == "stop":
            raise DataError(str(finding))


class Hearing(logging.Handler):
    """Collects what the package `train` warns of while it reads data, as findings.

    Used as a context manager. Of warnings made from one format a few are kept, the rest counted.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._heard: dict[str, list[str]] = {}

    def __enter__(self) -> Self:
        logging.getLogger("train").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("train").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        said = self._heard.setdefault(str(record.msg), [])
        if record.getMessage() not in said:  # a clip is read more than once to find its motion
            said.append(record.getMessage())

    @property
    def findings(self) -> list[Finding]:
        found = []
        for said in self._heard.values():
            found += [Finding(what=line) for line in said[:NAMED]]
            if len(said) > NAMED:
                found.append(Finding(what=f"and {len(said) - NAMED} more of the same kind"))
        return found
