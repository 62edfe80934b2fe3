"""`keycam adapt`: what is kept, what is replaced, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import keycam, refused
from test_export import CARD
from toy import toy_footage, write_video

from engines import load
from train import adapt as module
from train import criterion
from train.adapt import adapted_card, settings, teach
from train.adaptation import Adaptation
from train.restore import restore_tracker

CPU = torch.device("cpu")
FRAMES = 24


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = toy_footage(FRAMES).clips[0].images
    return write_video(tmp_path_factory.mktemp("videos") / "dots.avi", images)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(criterion, "FRAMES", 10)


def measuring(monkeypatch: pytest.MonkeyPatch, before: float, after: float) -> None:
    """Let the criterion have these values, and the training do next to nothing."""
    values = iter([before, after])
    monkeypatch.setattr(module, "measure_tracker", lambda *_: {"total": next(values)})


def command(model: Path, video: Path, *more: object) -> list[object]:
    return ["adapt", model, video, "--roi", "frame", "--steps", "1", "--threads", "1", *more]


def test_a_better_model_replaces_the_old_one_whole(
    toy_model: Path, video: Path, tmp_path: Path, monkeypatch
) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes(toy_model.read_bytes())
    measuring(monkeypatch, 0.04, 0.03)
    result = keycam(*command(own, video, "-o", own, "--json", tmp_path / "a.json"))
    assert result.exit_code == 0, result.output
    assert "adapted: held-out criterion 0.0400 → 0.0300, 25 % better" in result.stdout
    assert own.read_bytes() != toy_model.read_bytes()
    card = load(own, "cpu").card
    assert card == adapted_card(CARD, 1, 18)
    assert card.errors == {}
    assert "adapted to 18 unlabelled frames" in card.data
    assert "keycam adapt" in card.method
    table = json.loads((tmp_path / "a.json").read_text())
    assert table["adapted"] is True
    assert table["model"] == str(own)
    assert table["frames"] == {"learnt": 18, "held_out": 6}
    assert table["criterion"]["gain"] == pytest.approx(0.25)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "own.onnx"]


@pytest.mark.parametrize("after", [0.05, 0.0396, float("nan")])
def test_a_model_no_better_is_not_written(
    after: float, toy_model: Path, video: Path, tmp_path: Path, monkeypatch
) -> None:
    """Worse, better by no more than chance, or no number at all."""
    own = tmp_path / "own.onnx"
    own.write_bytes(toy_model.read_bytes())
    measuring(monkeypatch, 0.04, after)
    result = keycam(*command(own, video, "-o", own))
    assert result.exit_code == 0, result.output
    assert f"kept the old model: held-out criterion 0.0400 → {after:.4f}" in result.stdout
    assert own.read_bytes() == toy_model.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["own.onnx"]


def test_the_default_name_is_never_overwritten(
    toy_model: Path, video: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy-adapted.onnx").write_text("mine")
    refused(keycam(*command(toy_model, video)), "toy-adapted.onnx", "exists already", "-o")
    assert (tmp_path / "toy-adapted.onnx").read_text() == "mine"


def test_places_that_cannot_be_written_are_refused_before_work_begins(
    toy_model: Path, video: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(module, "sighted", None)
    for name in ("none/new.onnx", "."):
        refused(keycam(*command(toy_model, video, "-o", tmp_path / name)), "cannot be written")
    missing = tmp_path / "none" / "a.json"
    refused(keycam(*command(toy_model, video, "--json", missing)), "cannot be written")


def test_too_short_videos_are_refused(toy_model: Path, tmp_path: Path) -> None:
    short = write_video(tmp_path / "short.avi", toy_footage(5).clips[0].images)
    output = ["-o", tmp_path / "new.onnx"]
    refused(keycam(*command(toy_model, short, *output)), "only 5 frames", "film for longer")
    assert [path.name for path in tmp_path.iterdir()] == ["short.avi"]


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no such file"), (b"", "empty"), (b"text" * 99, "not a video")]
)
@pytest.mark.parametrize("roi", ["model", "frame", "motion"])
def test_videos_that_are_none_are_refused(
    content: bytes | None, words: str, roi: str, toy_model: Path, tmp_path: Path
) -> None:
    video = tmp_path / "bad.mp4"
    if content is not None:
        video.write_bytes(content)
    line = command(toy_model, video, "-o", tmp_path / "new.onnx", "--roi", roi)
    refused(keycam(*line), "bad.mp4", words)


def test_models_of_another_kind_are_refused(blob_path: Path, video: Path, tmp_path: Path) -> None:
    output = ["-o", tmp_path / "new.onnx"]
    refused(keycam(*command(blob_path, video, *output)), "blob.onnx", "another network")
    refused(keycam(*command(tmp_path / "no.onnx", video, *output)), "no model file")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    refused(keycam(*command(tmp_path / "bad.onnx", video, *output)), "bad.onnx")


def test_the_same_steps_give_the_same_network(toy_model: Path) -> None:
    network, card = restore_tracker(toy_model)
    config = settings(card, 0).with_changes(batch=4, distil_batch=8)
    weights = [flat(network)]
    for _ in range(2):
        own, _ = restore_tracker(toy_model)
        assert teach(own, toy_footage(8), card.skeleton, config, CPU, steps=4, limit_s=None) == 4
        weights.append(flat(own))
    assert torch.equal(weights[1], weights[2])
    assert not torch.equal(weights[0], weights[1])
    assert not own.training
    assert all(torch.equal(norm.running_mean, 0 * norm.running_mean) for norm in norms(own))


def flat(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([own.detach().flatten() for own in network.parameters()])


def norms(network: torch.nn.Module) -> list[torch.nn.BatchNorm2d]:
    return [own for own in network.modules() if isinstance(own, torch.nn.BatchNorm2d)]


def test_training_ends_by_the_clock(toy_model: Path, monkeypatch) -> None:
    ticks = iter(np.arange(0.0, 1000.0, 10.0).tolist())
    monkeypatch.setattr(module, "monotonic", lambda: next(ticks))
    network, card = restore_tracker(toy_model)
    config = settings(card, 0).with_changes(batch=2, distil_batch=2)
    footage = toy_footage(4)
    done = teach(network, footage, card.skeleton, config, CPU, steps=None, limit_s=35)
    assert done == 3  # begun at 0 s; at 10, 20 and 30 s there was time left, at 40 s none


def test_what_it_says_in_words() -> None:
    result = Adaptation(
        model=Path("a.onnx"),
        before={"total": 0.0312},
        after={"total": 0.0241},
        steps=5,
        learnt=1,
        held_out=1,
    )
    assert result.to_text() == "adapted: held-out criterion 0.0312 → 0.0241, 23 % better"
    kept = replace(result, model=None, after={"total": 0.0315})
    assert kept.to_text() == "kept the old model: held-out criterion 0.0312 → 0.0315"
    assert kept.to_dict()["model"] is None
    lost = replace(kept, after={"total": float("nan")}).to_dict()
    assert lost["criterion"]["after"]["total"] is lost["criterion"]["gain"] is None
