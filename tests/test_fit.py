import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from toy import TRIANGLE, same, tiny_config, toy_footage, toy_prior

from train import criterion
from train import fit as module
from train.config import Config
from train.fit import draw_poses, ends_interval, fit, pretrain, rng_of, steps
from train.parts import Parts

CPU = torch.device("cpu")


class Killed(BaseException):
    pass


@pytest.fixture(autouse=True)
def _short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SAVE_EVERY", "LOG_EVERY"):
        monkeypatch.setattr(module, name, 3)
    monkeypatch.setattr(module, "SHEET_EVERY", 6)
    monkeypatch.setattr(criterion, "FRAMES", 10)


def train(folder: Path, config: Config, seed: int = 0) -> Parts:
    """Both stages with fresh objects, as a new process has them."""
    torch.manual_seed(seed)
    parts = Parts(config, TRIANGLE)
    pretrain(parts, toy_prior(), config, folder, CPU)
    fit(parts, toy_footage(), toy_prior(), config, folder, CPU)
    return parts


def optimisers(folder: Path, stage: str) -> Any:
    return torch.load(folder / stage / "optimisers.pt", weights_only=True)


def metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


CONFIG = tiny_config(steps=9, pretrain_steps=6)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Parts]:
    """A run without a break."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SAVE_EVERY", 3)
        patch.setattr(module, "LOG_EVERY", 3)
        patch.setattr(module, "SHEET_EVERY", 6)
        patch.setattr(criterion, "FRAMES", 10)
        return folder, train(folder, CONFIG)


@pytest.mark.parametrize(("stage", "at"), [("pretrain", 4), ("joint", 2), ("joint", 6)])
def test_a_broken_run_resumes_bit_identically(
    stage: str,
    at: int,
    whole: tuple[Path, Parts],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed after `at` steps of a stage: with no checkpoint yet, just after one, in between."""
    config, written = CONFIG, module.Metrics.add

    def add_then_die(self: Any, values: Any) -> None:
        written(self, values)
        if self.stage == stage:
            add_then_die.count += 1
            if add_then_die.count == at + 1:
                raise Killed

    add_then_die.count = 0
    with monkeypatch.context() as patch:
        patch.setattr(module.Metrics, "add", add_then_die)
        with pytest.raises(Killed):
            train(tmp_path, config)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"stage": "jo')
    resumed = train(tmp_path, config)
    folder, parts = whole
    assert same(resumed.state_dict(), parts.state_dict())
    for name in ("pretrain", "joint"):
        assert same(optimisers(tmp_path, name), optimisers(folder, name))
    for file in ("weights.safetensors", "progress.json"):
        assert (tmp_path / "best" / file).read_bytes() == (folder / "best" / file).read_bytes()
    assert metrics(tmp_path) == metrics(folder)


def test_other_seeds_give_other_networks(whole: tuple[Path, Parts], tmp_path: Path) -> None:
    other = train(tmp_path, CONFIG.with_changes(seed=1))
    assert not same(other.state_dict(), whole[1].state_dict())


def test_metrics_and_sheets_of_a_run(whole: tuple[Path, Parts]) -> None:
    folder, _ = whole
    lines = metrics(folder)
    assert [(line["stage"], line["step"]) for line in lines] == [
        ("pretrain", 3),
        ("pretrain", 6),
        ("joint", 3),
        ("criterion", 3),
        ("joint", 6),
        ("criterion", 6),
        ("joint", 9),
        ("criterion", 9),
    ]
    early = {"stage", "step", "adversarial", "equivariance", "critic", "prior", "redraw"}
    assert set(lines[2]) == early  # reconstruct_from is one half
    assert set(lines[6]) == early | {"perceptual", "pixels"}
    assert set(lines[3]) == {"stage", "step", "equivariance", "cycle", "shape", "place", "total"}
    values = [value for line in lines for name, value in line.items() if name != "stage"]
    assert np.isfinite(values).all()
    sheets = sorted(path.name for path in (folder / "sheets").iterdir())
    assert sheets == ["joint-000006.png", "joint-000009.png"]
    picture = cv2.imread(str(folder / "sheets" / sheets[0]))
    assert picture.shape == (6 * 112, 22 + 2 * 112, 3)


def test_all_five_parts_take_part(whole: tuple[Path, Parts]) -> None:
    torch.manual_seed(0)
    before = Parts(CONFIG, TRIANGLE).state_dict()
    after = whole[1].state_dict()
    for part in ("encoder", "regressor", "decoder", "discriminator", "teacher", "pool"):
        names = [name for name in after if name.startswith(part) and "running" not in name]
        assert any(not torch.equal(before[name], after[name]) for name in names), part
    assert int(after["pool.filled"]) == CONFIG.pool
    assert all(p.requires_grad for p in whole[1].regressor.parameters())
    assert all(p.requires_grad for p in whole[1].discriminator.parameters())


def gradients_after(parts: Parts, monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[set[str]]:
    """Which parts had their weights changed by each update of one joint step."""
    moved = []
    real = module.update

    def watched(optimiser: Any, loss: Any, clip: float) -> None:
        before = {name: value.clone() for name, value in parts.named_parameters()}
        real(optimiser, loss, clip)
        moved.append(
            {
                name.partition(".")[0]
                for name, value in parts.named_parameters()
                if not torch.equal(value, before[name])
            }
        )

    monkeypatch.setattr(module, "update", watched)
    config = tiny_config(steps=1, reconstruct_from=0.0)
    fit(parts, toy_footage(), toy_prior(), config, folder, CPU)
    return moved


def test_each_update_moves_its_own_part_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = gradients_after(Parts(tiny_config(), TRIANGLE), monkeypatch, tmp_path)
    assert moved == [{"encoder", "decoder"}, {"discriminator"}, {"regressor"}]


def test_the_plain_method_runs_without_the_additions(tmp_path: Path) -> None:
    config = tiny_config(
        steps=3, equivariance_weight=0.0, reconstruct_from=0.0, average=0.0, decay=False
    )
    parts = train(tmp_path, config)
    (line,) = [own for own in metrics(tmp_path) if own["stage"] == "joint"]
    assert "equivariance" not in line
    assert "perceptual" in line
    own = {**{f"encoder.{k}": v for k, v in parts.encoder.state_dict().items()}}
    assert all(torch.equal(parts.teacher.state_dict()[name], value) for name, value in own.items())


def test_pretraining_teaches_the_regressor_to_read_drawings(tmp_path: Path) -> None:
    config = tiny_config(
        pretrain_steps=45, pretrain_rate=1e-2, batch=6, regressor_width=6, decay=False
    )
    torch.manual_seed(0)
    pretrain(Parts(config, TRIANGLE), toy_prior(), config, tmp_path, CPU)
    lines = metrics(tmp_path)
    assert lines[-1]["error"] < 0.5 * lines[0]["error"]
    assert lines[-1]["loss"] < 0.3 * lines[0]["loss"]


def test_the_parts_overfit_a_toy_clip(tmp_path: Path) -> None:
    config = tiny_config(
        steps=36,
        pretrain_steps=0,
        rate=1e-2,
        decay=False,
        reconstruct_from=0.0,
        adversarial_weight=0.0,
        equivariance_weight=0.0,
        turn=0.0,
        scale=0.0,
        shift=0.0,
        bend=0.0,
        perceptual="pixels",
    )
    torch.manual_seed(0)
    fit(Parts(config, TRIANGLE), toy_footage(2), toy_prior(), config, tmp_path, CPU)
    lines = metrics(tmp_path)
    pixels = [np.mean([line["pixels"] for line in part]) for part in (lines[:1], lines[-3:])]
    assert pixels[1] < 0.5 * pixels[0]


def test_random_numbers_depend_on_seed_purpose_and_step() -> None:
    config = tiny_config()
    draws = [
        rng_of(config.with_changes(seed=seed), purpose, step).random()
        for seed in (0, 1)
        for purpose in (1, 2)
        for step in (0, 1)
    ]
    assert len(set(draws)) == 8
    assert draws[0] == rng_of(config, 1, 0).random()


def test_poses_are_drawn_under_the_pictures_similarities() -> None:
    still = tiny_config(turn=0.0, scale=0.0, shift=0.0, mirror=False)
    poses = draw_poses(toy_prior(), still, rng_of(still, 1, 0), 50).numpy()
    gaps = np.abs(poses[:, None] - toy_prior().poses[None]).max(axis=(2, 3)).min(axis=1)
    assert gaps.max() < 1e-6
    moving = still.with_changes(shift=0.2)
    poses = draw_poses(toy_prior(), moving, rng_of(still, 1, 0), 500).numpy()
    assert poses.mean(axis=1).std() == pytest.approx(0.2, rel=0.2)


def test_steps_count_from_where_they_resume() -> None:
    assert list(steps("x", lambda n: n * n, 3, 6)) == [(3, 9), (4, 16), (5, 25)]


def test_intervals_end_at_multiples_and_at_the_end() -> None:
    assert [step for step in range(10) if ends_interval(step, 4, 10)] == [3, 7, 9]
