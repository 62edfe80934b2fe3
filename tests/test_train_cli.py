"""`keycam train`, `eval` and `prior` (and a little `adapt`) as a user meets them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import keycam, refused
from toy import (
    TRIANGLE,
    tiny_config,
    toy_footage,
    toy_prior,
    write_prior,
    write_skeleton,
    write_video,
)

from engines import load
from train import criterion, distil, fit, run

OFTEN = """
import torch
from train import criterion, distil, fit
torch.set_num_threads(1)
criterion.FRAMES = 8
for module in (fit, distil):
    module.SAVE_EVERY = module.LOG_EVERY = 4
from realtime.cli import main
main()
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a video, a prior and a skeleton."""
    folder = tmp_path_factory.mktemp("world")
    write_video(folder / "dots.avi", toy_footage(12).clips[0].images)
    write_prior(folder / "prior.csv", toy_prior().poses, TRIANGLE, 64)
    write_skeleton(folder / "triangle.toml", TRIANGLE)
    return folder


def settings(**changes: object) -> list[str]:
    tiny, default = tiny_config(**changes), tiny_config().of_preset("compact")
    names = [name for name in vars(tiny) if getattr(tiny, name) != getattr(default, name)]
    return [part for name in names for part in ("--set", f"{name}={getattr(tiny, name)}")]


def command(world: Path, output: Path, *more: object, **changes: object) -> list[str]:
    words = ["train", world / "dots.avi", "--skeleton", world / "triangle.toml"]
    words += ["--prior", world / "prior.csv", "-o", output, "--roi", "frame", "--threads", "1"]
    return [str(word) for word in [*words, *settings(**changes), *more]]


def test_a_killed_training_resumes_to_the_model_of_an_unbroken_one(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL in the middle, --resume in another process; and the whole command once, unbroken."""
    changes = {"steps": 24, "pretrain_steps": 8, "distil_steps": 8}
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", OFTEN, *command(world, killed, **changes)],
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        deadline = time.monotonic() + 100
        while not (killed / "joint").is_dir() and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, err
    assert not (killed / "model.onnx").exists()
    monkeypatch.setattr(criterion, "FRAMES", 8)
    for module in (fit, distil):
        monkeypatch.setattr(module, "SAVE_EVERY", 4)
        monkeypatch.setattr(module, "LOG_EVERY", 4)
    refused(keycam(*command(world, killed, **changes)), "--resume")
    refused(keycam(*command(world, killed, "--resume", "--set", "steps=25")), "settings (")

    result = keycam(*command(world, whole, "--name", "dots", "--licence", "MIT", **changes))
    assert result.exit_code == 0, result.output
    model, report, then = result.stdout.splitlines()
    assert model.startswith(f"model   {whole / 'model.onnx'}, ")
    assert f"{whole / 'report.html'}" in report
    assert then == f"next    keycam run 0 -m {whole / 'model.onnx'}"
    made = {"config.json", "decoder.onnx", "metrics.jsonl", "model.onnx", "skeleton.json"}
    assert {path.name for path in whole.iterdir()} >= made | {
        "teacher.onnx",
        "sheets",
        "report.html",
        "run.json",
    }
    for name in ("export_decoder", "export_teacher"):  # the slow part, and once is enough
        monkeypatch.setattr(run, name, lambda *_: None)
    more = ("--resume", "--name", "dots", "--licence", "MIT")
    result = keycam(*command(world, killed, *more, **changes))
    assert result.exit_code == 0, result.output

    for stage in ("pretrain", "joint", "best", "distil"):
        one, two = (folder / stage / "weights.safetensors" for folder in (whole, killed))
        assert one.read_bytes() == two.read_bytes(), stage
    assert (whole / "metrics.jsonl").read_text() == (killed / "metrics.jsonl").read_text()
    engines = [load(folder / "model.onnx", "cpu") for folder in (whole, killed)]
    crops = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    for one, two in zip(*(engine.run(crops) for engine in engines), strict=True):
        np.testing.assert_array_equal(one, two)
    card = engines[0].card
    assert card == engines[1].card
    assert (card.name, card.licence, card.size) == ("dots", "MIT", 32)
    assert card.skeleton == TRIANGLE
    assert "12 unlabelled frames, 20 unpaired poses" in card.data
    assert load(whole / "teacher.onnx", "cpu").run(crops).keypoints.shape == (4, 3, 2)
    for file, words in (("teacher.onnx", "another network"), ("decoder.onnx", "a decoder file")):
        adapting = keycam("adapt", whole / file, world / "dots.avi", "-o", tmp_path / "new.onnx")
        refused(adapting, file, words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.mp4", "no such file"),
        ("empty.mp4", "empty"),
        ("text.mp4", "not a video"),
        ("notes.txt", "not a video"),
        ("hollow", "no videos or pictures"),
    ],
)
@pytest.mark.parametrize("roi", ["auto", "motion"])
def test_videos_that_are_none_are_refused_in_one_line(
    name: str, words: str, roi: str, world: Path, tmp_path: Path, capfd
) -> None:
    (tmp_path / "empty.mp4").touch()
    for text in ("text.mp4", "notes.txt"):
        (tmp_path / text).write_text("this is no video\n" * 100)
    (tmp_path / "hollow").mkdir()
    line = command(world, tmp_path / "run", "--roi", roi)
    line[1] = str(tmp_path / name)
    refused(keycam(*line), name, words)
    assert capfd.readouterr() == ("", "")  # and nothing past click, from the libraries below


def test_a_prior_with_another_number_of_points_is_refused(world: Path, tmp_path: Path) -> None:
    line = command(world, tmp_path / "run")
    line[line.index("--skeleton") + 1] = "mouse4"
    result = keycam(*line)
    assert result.exit_code == 2
    for word in ("prior.csv", "mouse4", "4 keypoints"):
        assert word in result.stderr.splitlines()[-1]


def test_a_skeleton_with_an_edge_out_of_range_is_refused(world: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    good = (world / "triangle.toml").read_text()
    bad.write_text(good.replace("path = [0, 1, 2]", "path = [0, 1, 3]"))
    for line in (
        command(world, tmp_path / "run"),
        ["prior", str(world / "prior.csv"), "--skeleton", "", "-o", str(tmp_path / "p.npz")],
    ):
        line[line.index("--skeleton") + 1] = str(bad)
        refused(keycam(*line), "bad.toml", "index 3 is out of range 0..2")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.toml"]


def test_places_that_cannot_be_written_are_refused_before_work_begins(
    world: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter").touch()
    refused(keycam(*command(world, tmp_path / "file" / "run")), "cannot be written")
    refused(keycam(*command(world, tmp_path / "file")), "exists and is not a run")
    refused(keycam(*command(world, full)), "exists and is not a run")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--set", "stps=3"], ["stps", "NAME=VALUE"]),
        (["--set", "steps=lots"], ["steps", "whole number"]),
        (["--set", "batch=0"], ["batch"]),
        (["--set", "perceptual=lpips"], ["perceptual", "filters"]),
        (["--device", "toaster"], ["toaster", "cpu"]),
        (["--device", "cuda:99"], ["cuda:99", "cpu"]),
    ],
)
def test_unusable_options_are_refused(
    more: list[str], words: list[str], world: Path, tmp_path: Path
) -> None:
    refused(keycam(*command(world, tmp_path / "run", *more)), *words)
    assert not (tmp_path / "run").exists()


def test_prior_gathers_tables(world: Path, tmp_path: Path) -> None:
    table, output = world / "prior.csv", tmp_path / "p.npz"
    skeleton = ["--skeleton", world / "triangle.toml"]
    result = keycam("prior", table, table, *skeleton, "-o", output)
    assert result.exit_code == 0, result.output
    assert "40 poses" in result.stdout
    with np.load(output) as stored:
        assert stored["points"].shape == (40, 3, 2)
    refused(keycam("prior", table, "--skeleton", "mouse4", "-o", output), "prior.csv", "mouse4")
    refused(keycam("prior", tmp_path / "no.csv", *skeleton, "-o", output), "no such file")
    nowhere = tmp_path / "none" / "p.npz"
    refused(keycam("prior", table, *skeleton, "-o", nowhere), "cannot be written")


@pytest.mark.parametrize("content", [None, b"", b"no model", b"\x08\x09" * 50])
def test_eval_refuses_what_is_no_model(content: bytes | None, world: Path, tmp_path: Path) -> None:
    file = tmp_path / "m.onnx"
    if content is not None:
        file.write_bytes(content)
    refused(keycam("eval", file, "--labels", world / "prior.csv"), "m.onnx")


def test_eval_refuses_labels_of_another_skeleton(world: Path, blob_path: Path) -> None:
    labels = ["--labels", world / "prior.csv"]
    refused(keycam("eval", blob_path, *labels), "prior.csv", "mouse4")


@pytest.mark.parametrize("name", ["train", "adapt", "eval", "prior", "skeleton"])
def test_every_command_explains_itself(name: str) -> None:
    result = keycam(name, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout
