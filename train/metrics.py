"""Metrics of a run: one JSON line every so many steps."""

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from time import monotonic

import torch
from torch import Tensor

from engines.errors import DataError
from train import world

PACE = "pace.jsonl"  # beside the metrics: seconds from line to line


class Metrics:
    """Collects named values of each step and writes their means, over ranks too, as JSON lines.

    Values stay tensors until a line is written, so that a step on a GPU need not wait.
    """

    def __init__(self, path: Path, stage: str) -> None:
        self.path = path
        self.stage = stage
        self._values: dict[str, list[Tensor]] = {}
        self._pace = path.with_name(PACE)
        self._since = monotonic()

    def rewind(self, step: int) -> None:
        """Forget the lines of this stage after `step`, which a resumed run will write again, and
        a last line that a kill cut short."""
        world.lead(lambda: _rewind((self.path, self._pace), self.stage, step))
        self._since = monotonic()

    def add(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self._values.setdefault(name, []).append(value.detach())

    def write(self, step: int, **more: float) -> dict[str, float]:
        """Append the means since the last line; returns them. The time since then goes to a file
        of its own, because it differs from run to run.

        Raises:
            DataError: one is not finite: the training has diverged.
        """
        means = self._means()
        self._values.clear()
        if lost := [name for name, value in means.items() if not isfinite(value)]:
            raise DataError(
                f"training diverged before step {step}: {lost[0]} is not a finite number; "
                "start again with a lower --set rate=…"
            )
        rounded = {name: round(value, 6) for name, value in {**means, **more}.items()}
        line = {"stage": self.stage, "step": step, **rounded}
        now = monotonic()
        pace = {"stage": self.stage, "step": step, "seconds": round(now - self._since, 3)}
        self._since = now
        world.lead(lambda: (_append(self.path, line), _append(self._pace, pace)))
        return means

    def _means(self) -> dict[str, float]:
        if not self._values:
            return {}
        means = torch.stack([torch.as_tensor(sum(v) / len(v)) for v in self._values.values()])
        return dict(zip(self._values, world.mean(means).tolist(), strict=True))


def _rewind(paths: Iterable[Path], stage: str, step: int) -> None:
    for path in filter(Path.exists, paths):
        whole = path.read_text().rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines()]
        kept = [x for x in lines if x["stage"] != stage or x["step"] <= step]
        fresh = path.with_name(path.name + ".new")
        fresh.write_text("".join(json.dumps(line) + "\n" for line in kept))
        fresh.replace(path)


def _append(path: Path, line: Mapping[str, object]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
