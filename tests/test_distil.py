import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from test_pseudo import DotFinder
from toy import tiny_config, toy_footage, toy_prior

from train import distil as module
from train.distil import NEAR, distil, lesson_losses, rate_factor
from train.pseudo import PseudoLabels


def test_place_loss_is_the_mean_distance_in_units_of_the_pose() -> None:
    wanted = torch.zeros(2, 2, 2)
    wanted[0, 1] = torch.tensor([1.5, 0.0])  # outside the crop: not to be learnt
    found = wanted + torch.tensor([0.3, 0.4])
    place, _, error = lesson_losses(found, torch.zeros(2, 2), wanted, torch.tensor([0.5, 2.0]))
    assert float(place) == pytest.approx((0.5 / 0.5 + 2 * 0.5 / 2.0) / 3)
    assert float(error) == float(place)


def test_trust_is_learnt_towards_closeness_and_to_nothing_where_nothing_is() -> None:
    wanted = torch.zeros(3, 1, 2)
    wanted[1] = torch.tensor([[0.0, 1.2]])  # outside
    found = wanted.clone()
    found[0, 0, 0] = NEAR * 0.8  # one NEAR away, the size being 0.8
    size = torch.tensor([0.8, 0.8, 0.0])
    targets = torch.tensor([math.exp(-1), 1e-6, 1e-6])
    best = torch.logit(targets)[:, None]
    _, least, _ = lesson_losses(found, best, wanted, size)
    near = math.exp(-1)
    entropy = -(near * math.log(near) + (1 - near) * math.log1p(-near))
    assert float(least) == pytest.approx(entropy / 3, abs=1e-4)
    for change in (0.5, -0.5):
        assert float(lesson_losses(found, best + change, wanted, size)[1]) > float(least)


def test_crops_without_a_subject_pull_at_no_place() -> None:
    found = torch.full((2, 3, 2), 0.3, requires_grad=True)
    place, trust, _ = lesson_losses(found, torch.zeros(2, 3), torch.zeros(2, 3, 2), torch.zeros(2))
    (place + trust).backward()
    assert place.item() == 0.0
    assert not found.grad.any()


def test_rates_rise_shortly_then_fall_to_the_floor() -> None:
    factors = [rate_factor(done) for done in np.linspace(0, 1, 201)]
    top = int(np.argmax(factors))
    assert 0 < factors[0] < 0.01
    assert 3 <= top <= 8
    assert factors[top] > 0.98
    assert np.all(np.diff(factors[top:]) < 0)
    assert factors[-1] == pytest.approx(module.RATE_FLOOR)


def state_of(folder: Path) -> tuple[bytes, str]:
    weights = (folder / "distil" / "weights.safetensors").read_bytes()
    return weights, (folder / "metrics.jsonl").read_text()


class Killed(BaseException):
    pass


def test_a_resumed_distillation_is_bit_identical(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SAVE_EVERY", 2)
    monkeypatch.setattr(module, "LOG_EVERY", 2)
    config = tiny_config(size=64, zoom=1.0, distil_steps=6)
    run = partial(distil, DotFinder(), toy_footage(), toy_prior(), config)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    network = run(whole, torch.device("cpu"))
    assert not network.training
    save = module.checkpoint.save

    def save_then_die(*args) -> None:
        save(*args)
        if args[-1]["step"] == 4:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module.checkpoint, "save", save_then_die)
        with pytest.raises(Killed):
            run(broken, torch.device("cpu"))
    with (broken / "metrics.jsonl").open("a") as file:
        file.write('{"stage": "distil", "step": 6, "half a li')
    torch.manual_seed(1234)  # what happens between must not matter
    resumed = run(broken, torch.device("cpu"))
    assert state_of(broken) == state_of(whole)
    for name, value in network.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name])
    optimisers = [
        torch.load(folder / "distil" / "optimisers.pt", weights_only=True)["tracker"]["state"]
        for folder in (whole, broken)
    ]
    assert optimisers[0].keys() == optimisers[1].keys()
    for key, values in optimisers[0].items():
        assert all(torch.equal(values[name], optimisers[1][key][name]) for name in values)
    again = run(broken, torch.device("cpu"))  # nothing left to do
    assert torch.equal(again.across.weight, resumed.across.weight)
    assert state_of(broken) == state_of(whole)


def test_the_tracker_learns_what_the_teacher_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOG_EVERY", 6)
    config = tiny_config(size=64, zoom=1.0, distil_steps=48, distil_batch=12, tracker_size=32)
    distil(DotFinder(), toy_footage(), toy_prior(), config, tmp_path, torch.device("cpu"))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["place"] < 0.75 * lines[0]["place"]
    assert lines[-1]["trust"] < lines[0]["trust"]


def test_later_rounds_learn_from_the_network_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The teacher answers once; then the labels are those of the network as it was at the end of
    the round before, and the rate begins anew."""
    asked = []
    real = module.label

    def label(teacher, *more):
        asked.append(type(teacher).__name__)
        return real(teacher, *more)

    monkeypatch.setattr(module, "label", label)
    config = tiny_config(size=64, zoom=1.0, distil_steps=4, rounds=3)
    distil(DotFinder(), toy_footage(), toy_prior(), config, tmp_path, torch.device("cpu"))
    assert asked == ["DotFinder", "AsTeacher", "AsTeacher"]
    files = sorted((tmp_path / "labels").iterdir())
    assert [file.name for file in files] == ["round-1.npz", "round-2.npz", "round-3.npz"]
    first, second = (PseudoLabels.read(file, toy_footage()) for file in files[:2])
    assert first is not None
    assert second is not None
    assert not np.allclose(first.points_px[0], second.points_px[0])


@pytest.mark.parametrize("killed_at", [2, 4, 6])
def test_a_run_killed_in_any_round_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    monkeypatch.setattr(module, "SAVE_EVERY", 2)
    monkeypatch.setattr(module, "LOG_EVERY", 2)
    config = tiny_config(size=64, zoom=1.0, distil_steps=4, rounds=2)
    run = partial(distil, DotFinder(), toy_footage(), toy_prior(), config)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    run(whole, torch.device("cpu"))
    save = module.checkpoint.save

    def save_then_die(*args) -> None:
        save(*args)
        if args[-1]["step"] == killed_at:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module.checkpoint, "save", save_then_die)
        with pytest.raises(Killed):
            run(broken, torch.device("cpu"))
    run(broken, torch.device("cpu"))
    assert state_of(broken) == state_of(whole)


def test_no_steps_ask_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "label", None)
    config = tiny_config(distil_steps=0, rounds=3)
    network = distil(DotFinder(), toy_footage(), toy_prior(), config, tmp_path, torch.device("cpu"))
    assert not network.training
