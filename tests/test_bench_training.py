"""examples/bench_training.py: what it counts and how it sums up; no time is asserted."""

import json
import sys
from pathlib import Path
from types import ModuleType

import cv2
import pytest
import torch
from toy import TRIANGLE, tiny_config, toy_footage

from train import checkpoint, fit
from train.parts import Parts

EXAMPLES = Path(__file__).parents[1] / "examples"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    sys.path.append(str(EXAMPLES))
    import bench_training

    return bench_training


def test_a_block_measures_and_counts(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "steps", fit.steps)  # restored, whatever the block puts there
    compact, plain = (bench.block(name, 1, CPU, tiny=True) for name in ("compact", "plain"))
    for found in (compact, plain):
        assert all(value > 0 for value in found.values())
        assert found["batch"] == 2
        assert found["wait_share"] < 1
    assert plain["gflop"] > 8 * compact["gflop"]


def test_blocks_are_summed_up(bench: ModuleType) -> None:
    block = {"batch": 16, "cpu_ms": 320.0, "gflop": 2.0, "peak_gflops": 100.0}
    block |= {"wait_share": 0.1, "memory_mb": 500.0}
    row = bench.summary([{**block, "step_ms": ms} for ms in (800.0, 400.0, 1600.0)])
    assert (row["samples_per_s"], row["slowest"], row["fastest"]) == (20, 10, 40)
    assert row["cpu_ms_per_sample"] == 20
    assert row["share_of_peak"] == pytest.approx(0.4)  # 40 GFLOP a second of 100


def test_the_ratio_is_that_of_a_whole_run(bench: ModuleType) -> None:
    """In which half of the steps are made before the decoder joins."""
    rounds = {
        name: [{"step_ms": ms}, {"step_ms": 2 * ms}]
        for name, ms in zip(bench.ON_ANY, (100.0, 300.0, 1600.0), strict=True)
    }
    assert bench.ratios(rounds, "step_ms") == [8, 8]
    rounds["plain"][1]["step_ms"] = 1600.0
    assert bench.ratios(rounds, "step_ms") == [4, 8]


def test_what_error_a_checkpoint_reached_when(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, run = tiny_config(), tmp_path / "run"
    torch.manual_seed(0)
    parts = Parts(config, TRIANGLE)
    checkpoint.save(run / "joint", parts, {}, {"step": 4})
    checkpoint.save(run / "best", parts.teacher, {}, {"step": 2})
    (run / "config.json").write_text(config.to_json())
    (run / "skeleton.json").write_text(json.dumps(TRIANGLE.to_dict()))
    paces = [("pretrain", 9, 3600), ("joint", 2, 1800), ("joint", 4, 1800), ("distil", 2, 9000)]
    lines = [json.dumps({"stage": a, "step": b, "seconds": c}) for a, b, c in paces]
    (run / "pace.jsonl").write_text("\n".join(lines) + "\n")
    cv2.imwrite(str(tmp_path / "0.png"), toy_footage().clips[0].images[0])
    (tmp_path / "labels.csv").write_text(
        "image,left_x,left_y,right_x,right_y,top_x,top_y\n0.png,20,40,44,40,32,20\n"
    )
    bench.reach(str(run), str(tmp_path / "labels.csv"), "left,right")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[:5] for row in rows] == [
        ["joint", "step", "4", "2.00", "h"],
        ["best", "step", "2", "1.50", "h"],
    ]
    assert rows[0][5] == rows[1][5]
    assert float(rows[0][5]) > 0
