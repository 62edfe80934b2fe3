"""`torchrun -m train` as a user meets it: a rank that dies, and going on afterwards."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ranks import start_ranks
from test_train_cli import command
from toy import TRIANGLE, toy_footage, toy_prior, write_prior, write_skeleton, write_video

RUN = """
import sys, torch
from pathlib import Path
from train import __main__, distil, fit, run, world
torch.set_num_threads(1)
for module in (fit, distil):
    module.SAVE_EVERY = module.LOG_EVERY = 4
def export(_, card, path, *more):
    path.write_text(f"by rank {world.rank()} for {card.name}")
    return path
run.export_decoder = run.export_teacher = run.export_tracker = export
run.write_report = lambda folder, *more: folder
__main__.main()
"""
CHANGES = {"steps": 16, "pretrain_steps": 8, "distil_steps": 8, "batch": 4, "distil_batch": 4}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a video, a prior, a skeleton and the program each rank runs."""
    folder = tmp_path_factory.mktemp("world")
    write_video(folder / "dots.avi", toy_footage(12).clips[0].images)
    write_prior(folder / "prior.csv", toy_prior().poses, TRIANGLE, 64)
    write_skeleton(folder / "triangle.toml", TRIANGLE)
    (folder / "run.py").write_text(RUN)
    return folder


def arguments(world: Path, output: Path, *more: object, **changes: object) -> list[str]:
    """What stands behind `python`: the program and its arguments."""
    own = command(world, output, "--cache", world / "cache", *more, **{**CHANGES, **changes})
    return [str(world / "run.py"), *own[1:]]


def spoken(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.startswith("keycam: ")]


def test_a_killed_rank_ends_the_run_and_resume_completes_it(world: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, *arguments(world, whole)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    model = whole / "model.onnx"
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["model", "report", "next"]
    assert done.stdout.endswith(f"keycam run 0 -m {model}\n")
    assert len([line for line in spoken(done.stderr) if "footage-" in line]) == 1

    ranks = start_ranks(2, arguments(world, killed))
    deadline = time.monotonic() + 300
    while not (killed / "joint").is_dir() and time.monotonic() < deadline:
        time.sleep(0.01)
    ranks[1].send_signal(signal.SIGKILL)
    _, err = ranks[0].communicate(timeout=60)
    ranks[1].communicate(timeout=60)
    assert ranks[0].returncode == 2
    assert "one of the 2 ranks has gone" in spoken(err)[-1]
    assert "--resume" in spoken(err)[-1]
    assert "Traceback" not in err
    assert not (killed / "model.onnx").exists()

    ranks = start_ranks(2, arguments(world, killed, "--resume"))
    for rank in ranks:
        _, err = rank.communicate(timeout=600)
        assert rank.returncode == 0, err
    for stage in ("pretrain", "joint", "distil"):
        one, two = (folder / stage / "weights.safetensors" for folder in (whole, killed))
        assert one.read_bytes() == two.read_bytes(), stage
    assert (whole / "metrics.jsonl").read_text() == (killed / "metrics.jsonl").read_text()
    assert (killed / "model.onnx").read_text() == "by rank 0 for model"


def test_a_mistake_is_said_once(world: Path, tmp_path: Path) -> None:
    uneven = start_ranks(2, arguments(world, tmp_path / "run", distil_batch=5))
    said = []
    for rank in uneven:
        _, err = rank.communicate(timeout=120)
        assert rank.returncode == 2, err
        said += spoken(err)
    assert len(said) == 1
    assert "a batch of 5 has no 2 equal parts" in said[0]
    assert not (tmp_path / "run").exists()
