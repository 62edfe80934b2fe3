"""`keycam train-decoder` and `keycam eval --repose` as a user meets them."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import keycam, refused
from posed_world import dot_clips
from test_export import CARD
from toy import write_video

from engines import load_decoder
from train import checkpoint, posed_pack, repose_eval
from train.decoder_fit import Studio

SMALL = [f"--set={text}" for text in ("size=32", "width=4", "batch=2", "most_frames=6")]


@pytest.fixture(autouse=True, scope="module")
def _posed() -> Iterator[None]:
    """The toy tracker has learnt nothing: the dots are where they are."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (posed_pack, repose_eval):
            patch.setattr(module, "load_posed", lambda *_: dot_clips(1, 6))
        yield


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = dot_clips(1, 6).clips[0].images
    return write_video(tmp_path_factory.mktemp("videos") / "dots.avi", images)


def command(video: Path, model: Path, run: Path, *more: object) -> list[object]:
    common = ["-m", model, "-o", run, "--threads", 1, "--device", "cpu", *SMALL]
    return ["train-decoder", video, *common, "--set=steps=2", *more]


@pytest.fixture(scope="module")
def run(video: Path, toy_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    result = keycam(*command(video, toy_model, folder, "--name", "toy", "--licence", "MIT"))
    assert result.exit_code == 0, result.output
    assert "decoder.onnx" in result.stdout
    return folder


def test_a_run_leaves_a_decoder_its_settings_and_sheets(run: Path) -> None:
    decoder = load_decoder(run / "decoder.onnx")
    card = decoder.card
    assert (card.kind, card.name, card.size, card.margin) == ("decoder", "toy", 32, 2.0)
    assert (card.licence, card.skeleton) == ("MIT", CARD.skeleton)
    assert "2 steps of batch 2" in card.method
    decoder.prepare(np.zeros((32, 32, 3), np.uint8), np.zeros((3, 2), np.float32))
    assert decoder.draw(np.zeros((3, 2), np.float32)).shape == (32, 32, 3)
    kept = {path.name for path in run.iterdir()}
    assert kept >= {"decoder.json", "run.json", "metrics.jsonl", "decoder", "sheets", "footage"}
    assert not list(run.rglob("*.new"))
    assert json.loads((run / "run.json").read_text())["frames"] == 6


def test_a_finished_run_goes_on_to_the_same_decoder(
    run: Path, video: Path, toy_model: Path
) -> None:
    before = (run / "decoder.onnx").read_bytes()
    refused(keycam(*command(video, toy_model, run)), "already holds a run", "--resume")
    again = command(video, toy_model, run, "--resume", "--name", "toy", "--licence", "MIT")
    assert keycam(*again).exit_code == 0
    assert (run / "decoder.onnx").read_bytes() == before


def test_other_settings_and_other_folders_are_refused(
    run: Path, video: Path, toy_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "letters").write_text("not a run")
    refused(keycam(*command(video, toy_model, run, "--resume", "--set=rate=1")), "(rate)")
    refused(keycam(*command(video, toy_model, tmp_path)), "is not a run")
    refused(keycam(*command(video, toy_model, tmp_path / "new", "--set=steps=no")), "whole number")
    refused(keycam(*command(tmp_path / "none.mp4", toy_model, tmp_path / "new")), "no such file")


def test_a_run_may_begin_with_the_weights_of_another(
    run: Path, video: Path, toy_model: Path, tmp_path: Path
) -> None:
    """At a rate of almost nothing they stay as they are."""
    again = tmp_path / "again"
    result = keycam(*command(video, toy_model, again, "--from", run, "--set=rate=1e-9"))
    assert result.exit_code == 0, result.output
    both = [Studio(3, 4) for _ in range(2)]
    for studio, folder in zip(both, (run, again), strict=True):
        checkpoint.load(folder / "decoder", studio, {})
    for one, other in zip(*(own.average.parameters() for own in both), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)
    missing = command(video, toy_model, tmp_path / "new", "--from", tmp_path)
    refused(keycam(*missing), "holds no decoder's training")
    assert not (tmp_path / "new").exists()


def test_no_tracker_is_refused(run: Path, video: Path, tmp_path: Path, blob_path: Path) -> None:
    refused(keycam(*command(video, run / "decoder.onnx", tmp_path / "a")), "decoder file")
    refused(keycam(*command(video, blob_path, tmp_path / "b")), "another network")
    assert not list(tmp_path.iterdir())


def test_it_is_measured_beside_its_floors(
    run: Path, video: Path, toy_model: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes((run / "decoder.onnx").read_bytes())
    file = tmp_path / "eval.json"
    result = keycam(
        "eval", own, "--repose", video, "--tracker", toy_model, "--json", file, "--stamp", "dots"
    )
    assert result.exit_code == 0, result.output
    assert "VGG-19's weights are not here" in result.stdout
    table = json.loads(file.read_text())
    assert (table["clips"], table["pairs"]) == (1, 6)
    makers = table["all_pairs"]
    assert list(makers) == ["decoder", "copy", "thin_plate", "frame"]
    assert makers["frame"]["l1"] == 0
    assert makers["frame"]["ssim"] == pytest.approx(1)
    assert makers["copy"]["l1"] > 0
    for marks in makers.values():
        assert list(marks) == ["l1", "psnr_db", "ssim", "keypoints"]
    assert table["decoder"]["name"] == "toy"
    stamped = load_decoder(own).card.errors
    assert f"dots ssim {'moved' if table['moved'] else 'all'}, decoder" in stamped


def test_what_can_be_measured_is_said(run: Path, video: Path, toy_model: Path) -> None:
    decoder = run / "decoder.onnx"
    refused(keycam("eval", decoder), "either --labels", "or --repose")
    refused(keycam("eval", decoder, "--labels", video, "--repose", video), "either --labels")
    refused(keycam("eval", decoder, "--repose", video), "other keypoints", "--tracker")
    refused(keycam("eval", toy_model, "--repose", video), "tracker file")
