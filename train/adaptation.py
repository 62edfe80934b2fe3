"""What came of adapting a model, in words and as a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """What came of adapting: the criterion's parts and "total" before and after, on held-out
    frames; `model` is None where the old one was kept."""

    model: Path | None
    before: dict[str, float]
    after: dict[str, float]
    steps: int
    learnt: int
    held_out: int

    @property
    def gain(self) -> float:
        """The share by which the criterion fell; negative where it rose."""
        return 1 - self.after["total"] / max(self.before["total"], 1e-9)

    def to_text(self) -> str:
        change = f"{self.before['total']:.4f} → {self.after['total']:.4f}"
        if self.model is None:
            return f"kept the old model: held-out criterion {change}"
        return f"adapted: held-out criterion {change}, {100 * self.gain:.0f} % better"

    def to_dict(self) -> dict[str, Any]:
        return {
            "adapted": self.model is not None,
            "model": None if self.model is None else str(self.model),
            "criterion": {
                "before": _finite(self.before),
                "after": _finite(self.after),
                **_finite({"gain": self.gain}),
            },
            "frames": {"learnt": self.learnt, "held_out": self.held_out},
            "steps": self.steps,
        }


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """For JSON, which has no NaN: a network that has diverged gives some."""
    return {name: value if isfinite(value) else None for name, value in values.items()}
