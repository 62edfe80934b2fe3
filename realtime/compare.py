"""Two results of `keycam bench --json` side by side: what became faster, what slower."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engines.errors import DataError

MAX_BYTES = 16 << 20
_VERSION = re.compile(r"\d+\.\d")
SURE = 2.0  # standard errors from which a difference is called one


def read_bench(path: Path) -> dict[str, Any]:
    """What `keycam bench --json` wrote.

    Raises:
        DataError: it is no such file.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        table = json.loads(text) if len(text) <= MAX_BYTES else None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON; give a file of `keycam bench --json`") from error
    try:
        assert isinstance(table, dict)
        for run in table["runs"]:
            _ = str(run["engine"]), str(run["precision"])
            for row in run["stages"].values():
                assert row["n"] > 0
                assert row["p90_ms"] >= row["p50_ms"] > 0
        assert {"machine", "versions", "model"} <= set(table)
    except (AssertionError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: no result of `keycam bench --json`") from error
    return table


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Per engine, precision and stage: both p50, their ratio, and what the noise leaves of it.

    Runs belong together if precision and the engine's name, but for its version, are the same.
    Ratios below 1 are faster. The noise is that of both p50 together, as one standard error; where
    a file does not tell its own, it is taken from the spread of single frames.
    """
    lines = _differences(old, new)
    before = {_key(run): run for run in old["runs"]}
    for run in new["runs"]:
        other = before.get(_key(run))
        engine, precision = _key(run)
        if other is None:
            lines += ["", f"{engine}, {precision}: not in the old file"]
            continue
        lines += ["", f"{engine}, {precision}"]
        lines.append(f"{'ms, p50':<10}{'old':>9}{'new':>9}{'ratio':>8}{'noise':>9}")
        lines += [_row(stage, other, run) for stage in run["stages"] if stage in other["stages"]]
    return "\n".join(lines).lstrip("\n")


def _row(stage: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    first, second = old["stages"][stage]["p50_ms"], new["stages"][stage]["p50_ms"]
    ratio = second / first
    noise = (_noise(old, stage) ** 2 + _noise(new, stage) ** 2) ** 0.5
    word = "" if abs(ratio - 1) < SURE * noise else "  faster" if ratio < 1 else "  slower"
    return f"{stage:<10}{first:>9.3f}{second:>9.3f}{ratio:>8.2f}{f'±{noise:.1%}':>9}{word}"


def _noise(run: Mapping[str, Any], stage: str) -> float:
    """Standard error of the p50, as a share of it."""
    own = (run.get("noise") or {}).get(stage)
    if isinstance(own, int | float):
        return float(own)
    row = run["stages"][stage]  # p90 lies 1.28 standard deviations above a normal median
    return float(
        1.2533 * (row["p90_ms"] - row["p50_ms"]) / 1.2816 / row["n"] ** 0.5 / row["p50_ms"]
    )


def _key(run: Mapping[str, Any]) -> tuple[str, str]:
    words = str(run["engine"]).split()
    return " ".join(word for word in words if not _VERSION.match(word)), str(run["precision"])


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What else is not the same, so that nobody reads a change of code into it."""
    lines = []
    for what in ("machine", "versions", "model"):
        for name, value in new[what].items():
            before = old[what].get(name)
            if before != value and name in ("cpu", "cores", "sha256", *new["versions"]):
                lines.append(f"{what}: {name} was {before}, is {value}")
    return lines
