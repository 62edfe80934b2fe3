"""What a run is and how it went, beside its settings: `run.json` in its folder."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engines.errors import DataError
from train import world
from train.finding import Finding

NAME = "run.json"
STAGES = ("pretrain", "joint", "distil")


class Logbook:
    """Facts under plain names, kept in a file that is replaced whole at each change, by rank 0.

    Raises:
        DataError: there is such a file and it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.facts: dict[str, Any] = {}
        if self.path.exists():
            try:
                self.facts = dict(json.loads(self.path.read_text("utf-8")))
            except (OSError, ValueError, TypeError) as error:
                raise DataError(f"{self.path}: not a run's logbook ({error})") from error

    def write(self, **facts: Any) -> None:
        self.facts |= facts
        if world.rank():
            return
        fresh = self.path.with_name(NAME + ".new")
        fresh.write_text(json.dumps(self.facts, indent=1) + "\n", "utf-8")
        fresh.replace(self.path)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the seconds spent inside to those of the stage, however it is left."""
        begun = time.monotonic()
        self.write(stage=name, stage_begun=time.time())
        try:
            yield
        finally:
            seconds = dict(self.facts.get("seconds", {}))
            seconds[name] = seconds.get(name, 0.0) + time.monotonic() - begun
            self.write(seconds=seconds, stage=None)

    def seconds(self, metrics: Path) -> dict[str, float]:
        """Seconds per stage; one that was killed counts until its last line of metrics."""
        seconds = {name: float(s) for name, s in self.facts.get("seconds", {}).items()}
        running = self.facts.get("stage")
        if running and metrics.exists():
            last = metrics.stat().st_mtime - float(self.facts["stage_begun"])
            seconds[running] = seconds.get(running, 0.0) + max(last, 0.0)
        return seconds

    @property
    def findings(self) -> list[Finding]:
        return [Finding.from_dict(own) for own in self.facts.get("findings", [])]


def found(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Findings as a logbook keeps them."""
    return [asdict(finding) for finding in findings]


def machine() -> dict[str, Any]:
    """What the run runs on, and when it began."""
    import torch

    return {
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
        "torch": torch.__version__,
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
