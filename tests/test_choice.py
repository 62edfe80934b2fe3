"""Which teacher is kept and when a run ends, with measured values given from outside."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from toy import tiny_config, toy_footage, toy_prior

from engines import DataError
from train import checkpoint, criterion
from train import choice as module
from train.choice import Choice, taken_step

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(criterion, "FRAMES", 2)
    caplog.set_level(logging.INFO, "train")


class Counter(nn.Module):
    """Stands for all parts: the teacher's one weight is the number of steps done."""

    def __init__(self) -> None:
        super().__init__()
        self.teacher = nn.Linear(1, 1, bias=False).requires_grad_(False)
        self.renderer = nn.Identity()


class Killed(BaseException):
    pass


def run(
    folder: Path, values: list[float], patch: pytest.MonkeyPatch, die: str = "", **changes: Any
) -> Counter:
    """What `fit` does with a choice: a checkpoint every 2 steps, at which the criterion has the
    next of `values`. `die` ends it at one point of one step, such as "saved 4"."""
    config = tiny_config(**{"steps": 2 * len(values), "reconstruct_from": 0.0} | changes)
    parts = Counter()
    patch.setattr(
        module, "measure", lambda *_: {"total": values[int(parts.teacher.weight) // 2 - 1]}
    )
    folder.mkdir(exist_ok=True)
    choice = Choice(toy_footage(20), toy_prior(), config, folder, CPU)
    start = 0
    if checkpoint.exists(folder / "joint"):
        start = checkpoint.load(folder / "joint", parts, {})["step"]
    choice.resume(start, parts)
    for step in range(start + 2, start if choice.ended else config.steps + 1, 2):
        nn.init.constant_(parts.teacher.weight, step)
        for event in play(choice, parts, folder, step):
            if die == f"{event} {step}":
                raise Killed
        if choice.ended:
            break
    choice.take_best(parts)
    return parts


def play(choice: Choice, parts: Counter, folder: Path, step: int) -> Iterator[str]:
    choice.judge(step, parts)
    yield "judged"
    checkpoint.save(folder / "joint", parts, {}, {"step": step})
    yield "saved"
    choice.keep(parts)
    yield "kept"


def last_step(folder: Path) -> int:
    return json.loads((folder / "joint" / "progress.json").read_text())["step"]


def best_step(folder: Path) -> int:
    """As it is told beside the weights, which are checked to be those of that step."""
    step = json.loads((folder / "best" / "progress.json").read_text())["step"]
    assert float(load_file(folder / "best" / "weights.safetensors")["weight"]) == step
    return step


def test_the_best_teacher_is_kept_and_taken(tmp_path: Path, monkeypatch, caplog) -> None:
    parts = run(tmp_path, [0.5, 0.2, 0.4, 0.3], monkeypatch)
    assert best_step(tmp_path) == taken_step(tmp_path) == 4
    assert float(parts.teacher.weight) == 4
    names = {path.name for path in (tmp_path / "best").iterdir()}
    assert names == {"progress.json", "weights.safetensors"}
    wanted = "the teacher of step 4 is taken: criterion 0.2000 on frames held out"
    assert f"{wanted} (the last, of step 8: 0.3000)" in caplog.text


def test_training_ends_by_itself(tmp_path: Path, monkeypatch, caplog) -> None:
    run(tmp_path, [0.9, 0.5, *[0.6] * 8], monkeypatch, patience=2)
    # counted from step 10 on, the first half done: 10 and 12 are two without a better teacher
    assert last_step(tmp_path) == 12
    assert best_step(tmp_path) == 4
    assert "stopped after 12 of 20 steps: 2 checkpoints without a teacher 1 % better" in caplog.text


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({"patience": 0}, 20),
        ({"patience": 3}, 14),
        ({"patience": 2, "reconstruct_from": 0.8}, 18),
        ({"patience": 2, "held_out": 0.0}, 20),
    ],
)
def test_patience_begins_late_and_can_be_endless(
    changes: dict[str, Any], last: int, tmp_path: Path, monkeypatch
) -> None:
    run(tmp_path, [0.5] * 10, monkeypatch, **changes)
    assert last_step(tmp_path) == last
    assert (tmp_path / "best").exists() == bool(changes.get("held_out", 1))


@pytest.mark.parametrize(("factor", "last"), [(0.999, 12), (0.994, 20), (0.98, 20)])
def test_gains_too_small_do_not_keep_a_run_going_but_add_up(
    factor: float, last: int, tmp_path: Path, monkeypatch
) -> None:
    """Twice 0.6 % is more than 1 %: it is counted from the last teacher that was better."""
    values = [0.5 * factor**n for n in range(10)]
    run(tmp_path, values, monkeypatch, patience=2, least_gain=0.01)
    assert last_step(tmp_path) == last
    assert best_step(tmp_path) == last  # and even a small gain is taken


VALUES = [0.9, 0.5, 0.6, 0.4, 0.6, 0.6, 0.6, 0.6]


@pytest.mark.parametrize("event", ["judged", "saved", "kept"])
@pytest.mark.parametrize("step", [2, 8, 14])
def test_a_kill_round_a_checkpoint_changes_neither_choice_nor_end(
    event: str, step: int, tmp_path: Path, monkeypatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(whole, VALUES, monkeypatch, patience=3)
    with pytest.raises(Killed):
        run(broken, VALUES, monkeypatch, die=f"{event} {step}", patience=3)
    parts = run(broken, VALUES, monkeypatch, patience=3)
    assert float(parts.teacher.weight) == best_step(broken) == 8
    assert last_step(broken) == last_step(whole) == 14
    for file in ("best/weights.safetensors", "best/progress.json", "metrics.jsonl"):
        assert (broken / file).read_bytes() == (whole / file).read_bytes(), file


def test_an_ended_run_goes_on_to_its_choice_without_another_step(
    tmp_path: Path, monkeypatch
) -> None:
    run(tmp_path, VALUES, monkeypatch, patience=3)
    before = (tmp_path / "metrics.jsonl").read_bytes()
    parts = run(tmp_path, VALUES, monkeypatch, patience=3)
    assert (tmp_path / "metrics.jsonl").read_bytes() == before
    assert float(parts.teacher.weight) == 8


def test_a_damaged_best_teacher_is_named(tmp_path: Path, monkeypatch) -> None:
    run(tmp_path, VALUES, monkeypatch, patience=3)
    (tmp_path / "best" / "weights.safetensors").write_bytes(b"")
    with pytest.raises(DataError, match="best"):
        run(tmp_path, VALUES, monkeypatch, patience=3)


def test_too_little_footage_takes_the_last_teacher_and_says_so(tmp_path: Path, caplog) -> None:
    choice = Choice(toy_footage(3), toy_prior(), tiny_config(), tmp_path, CPU)
    assert "too little footage to hold frames out" in caplog.text
    parts = Counter()
    choice.resume(0, parts)
    choice.judge(2, parts)
    choice.keep(parts)
    choice.take_best(parts)
    assert not list(tmp_path.iterdir())
    assert taken_step(tmp_path) is None


def test_held_out_frames_are_never_learnt_from(tmp_path: Path) -> None:
    footage = toy_footage(20)
    choice = Choice(footage, toy_prior(), tiny_config(), tmp_path, CPU)
    learnt = [id(image) for image in choice.footage.clips[0].images]
    assert learnt == [id(image) for image in footage.clips[0].images[:18]]
