"""Metrics of a run: one JSON line every so many steps."""

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor

from engines.errors import DataError
from train import world


class Metrics:
    """Collects named values of each step and writes their means, over ranks too, as JSON lines.

    Values stay tensors until a line is written, so that a step on a GPU need not wait.
    """

    def __init__(self, path: Path, stage: str) -> None:
        self.path = path
        self.stage = stage
        self._values: dict[str, list[Tensor]] = {}

    def rewind(self, step: int) -> None:
        """Forget the lines of this stage after `step`, which a resumed run will write again, and
        a last line that a kill cut short."""
        if self.path.exists() and world.rank() == 0:
            whole = self.path.read_text().rpartition("\n")[0]
            lines = [json.loads(line) for line in whole.splitlines()]
            kept = [x for x in lines if x["stage"] != self.stage or x["step"] <= step]
            fresh = self.path.with_name(self.path.name + ".new")
            fresh.write_text("".join(json.dumps(line) + "\n" for line in kept))
            fresh.replace(self.path)

    def add(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self._values.setdefault(name, []).append(value.detach())

    def write(self, step: int, **more: float) -> dict[str, float]:
        """Append the means since the last line; returns them.

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
        if world.rank() == 0:
            with self.path.open("a") as file:
                file.write(json.dumps({"stage": self.stage, "step": step, **rounded}) + "\n")
        return means

    def _means(self) -> dict[str, float]:
        if not self._values:
            return {}
        means = torch.stack([torch.as_tensor(sum(v) / len(v)) for v in self._values.values()])
        return dict(zip(self._values, world.mean(means).tolist(), strict=True))
