import json
from pathlib import Path

import pytest
import torch

from train.metrics import Metrics


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_means_since_the_last_line(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "m.jsonl", "joint")
    metrics.add({"a": torch.tensor(1.0), "b": torch.tensor(5.0, requires_grad=True)})
    metrics.add({"a": torch.tensor(2.0)})
    assert metrics.write(2) == {"a": 1.5, "b": 5.0}
    metrics.add({"a": torch.tensor(7.0)})
    metrics.write(3, rate=0.25)
    assert lines(metrics.path) == [
        {"stage": "joint", "step": 2, "a": 1.5, "b": 5.0},
        {"stage": "joint", "step": 3, "a": 7.0, "rate": 0.25},
    ]


def filled(path: Path) -> Metrics:
    metrics = Metrics(path, "joint")
    for stage in ("pretrain", "joint"):
        for step in (2, 4, 6):
            other = Metrics(path, stage)
            other.add({"a": torch.tensor(float(step))})
            other.write(step)
    return metrics


@pytest.mark.parametrize(("step", "kept"), [(0, []), (3, [2]), (4, [2, 4]), (9, [2, 4, 6])])
def test_rewind_forgets_later_lines_of_its_own_stage(
    step: int, kept: list[int], tmp_path: Path
) -> None:
    metrics = filled(tmp_path / "m.jsonl")
    metrics.rewind(step)
    left = [(line["stage"], line["step"]) for line in lines(metrics.path)]
    assert left == [("pretrain", n) for n in (2, 4, 6)] + [("joint", n) for n in kept]
    assert {file.name for file in tmp_path.iterdir()} == {"m.jsonl", "pace.jsonl"}
    paces = lines(tmp_path / "pace.jsonl")
    assert [(line["stage"], line["step"]) for line in paces] == left
    assert all(line["seconds"] >= 0 for line in paces)


@pytest.mark.parametrize("cut", [1, 20])
def test_rewind_drops_a_line_that_a_kill_cut_short(cut: int, tmp_path: Path) -> None:
    metrics = filled(tmp_path / "m.jsonl")
    metrics.path.write_text(metrics.path.read_text()[:-cut])
    metrics.rewind(6)
    assert [line["step"] for line in lines(metrics.path)] == [2, 4, 6, 2, 4]


def test_rewind_before_any_line_is_nothing(tmp_path: Path) -> None:
    Metrics(tmp_path / "m.jsonl", "joint").rewind(3)
    assert list(tmp_path.iterdir()) == []
