from pathlib import Path

import pytest
import torch
from toy import tiny_config, toy_footage, toy_prior

from train import rehearsal
from train.rehearsal import Estimate, duration, rehearse, worth_it

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.4, "12 s"),
        (89, "89 s"),
        (34.8 * 60, "35 min"),
        (5400, "1 h 30 min"),
        (3 * 3600 + 61, "3 h 01 min"),
        (5 * 86400, "5.0 days"),
    ],
)
def test_times_are_said_as_people_do(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_estimate_names_each_stage_and_the_whole() -> None:
    text = Estimate(pretrain_s=20, joint_s=1200, distil_s=600).to_text()
    assert "about 30 min: pre-training 20 s, keypoints 20 min, distillation 10 min" in text


def test_a_rehearsal_counts_steps_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    """On a clock that ticks once for each step, so that the estimate is the number of steps."""
    clock = [0.0]
    monkeypatch.setattr(rehearsal.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(rehearsal, "SECONDS", 100.0)
    pretrain, fit = rehearsal.pretrain, rehearsal.fit

    def ticking_pretrain(parts, prior, config, *more):
        clock[0] += config.pretrain_steps
        pretrain(parts, prior, config, *more)

    def ticking_fit(parts, footage, prior, config, *more):
        clock[0] += config.steps
        fit(parts, footage, prior, config, *more)

    monkeypatch.setattr(rehearsal, "pretrain", ticking_pretrain)
    monkeypatch.setattr(rehearsal, "fit", ticking_fit)
    before = torch.random.get_rng_state()
    config = tiny_config(pretrain_steps=50, steps=300, distil_steps=0)
    estimate = rehearse(toy_footage(), toy_prior(), config, CPU, done=(10, 0, 0))
    assert estimate.pretrain_s == pytest.approx(40)
    assert estimate.joint_s == pytest.approx(300)
    assert estimate.distil_s == 0
    assert torch.equal(before, torch.random.get_rng_state())
    assert capfd.readouterr() == ("", "")
    assert worth_it(config)
    assert not worth_it(tiny_config())


def test_distillation_is_timed_though_no_teacher_is_there() -> None:
    config = tiny_config(pretrain_steps=0, steps=0, distil_steps=40)
    estimate = rehearse(toy_footage(), toy_prior(), config, CPU)
    assert (estimate.pretrain_s, estimate.joint_s) == (0, 0)
    assert estimate.distil_s > 0
