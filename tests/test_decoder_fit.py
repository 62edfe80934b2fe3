"""The training of a decoder: it goes on as if unbroken, learns, and says what it sees."""

import json
from pathlib import Path

import pytest
import torch
from posed_world import dot_clips, tiny_decoder
from toy import TRIANGLE, same

from engines import DataError
from train import checkpoint, decoder_fit
from train.decoder_config import DecoderConfig
from train.decoder_fit import Studio, fit_decoder
from train.decoder_losses import TrackerView, decoder_losses, region, total
from train.perceptual import perceptual_loss
from train.tracker_network import TrackerNetwork
from train.warping_decoder import Reposed, WarpingDecoder

CPU = torch.device("cpu")


def view() -> TrackerView:
    torch.manual_seed(9)
    return TrackerView(TrackerNetwork(3), 1.6, 32).eval()


def fitted(folder: Path, config: DecoderConfig) -> WarpingDecoder:
    folder.mkdir(exist_ok=True)
    return fit_decoder(dot_clips(), TRIANGLE, view(), config, folder, CPU)


def test_a_broken_run_ends_as_an_unbroken_one(tmp_path: Path, monkeypatch) -> None:
    for name in ("SAVE_EVERY", "LOG_EVERY"):
        monkeypatch.setattr(decoder_fit, name, 2)
    config = tiny_decoder(steps=4)
    whole = fitted(tmp_path / "whole", config)

    class Cut(Exception):
        pass

    def cut(step: int, every: int, total: int) -> bool:
        if step == 2:
            raise Cut
        return (step + 1) % every == 0 or step + 1 == total

    with monkeypatch.context() as patch:
        patch.setattr(decoder_fit, "ends_interval", cut)
        with pytest.raises(Cut):
            fitted(tmp_path / "cut", config)
    again = fitted(tmp_path / "cut", config)
    assert same(whole.state_dict(), again.state_dict())
    lines = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("whole", "cut")]
    assert lines[0] == lines[1]
    assert (tmp_path / "cut" / "sheets" / "decoder-000004.png").is_file()


def test_it_learns(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(decoder_fit, "LOG_EVERY", 10)
    fitted(tmp_path, tiny_decoder(steps=60, rate=3e-3, batch=4, apart=0.0, width=8))
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["pixels"] < 0.7 * lines[0]["pixels"]


def test_the_tracker_is_never_changed(tmp_path: Path) -> None:
    own = view()
    before = {name: value.clone() for name, value in own.state_dict().items()}
    fit_decoder(dot_clips(), TRIANGLE, own, tiny_decoder(steps=2), tmp_path, CPU)
    assert same(before, own.state_dict())


def test_the_average_follows_and_is_what_is_kept(tmp_path: Path) -> None:
    average = fitted(tmp_path, tiny_decoder(steps=3))
    studio = Studio(3, 4)
    assert checkpoint.load(tmp_path / "decoder", studio, {}) == {"step": 3}
    assert same(studio.average.state_dict(), average.state_dict())
    assert not same(studio.average.state_dict(), studio.decoder.state_dict())


def poses() -> torch.Tensor:
    return torch.tensor([[[-0.4, 0.3], [0.4, 0.3], [0.0, -0.4]]]).expand(2, -1, -1)


def terms(made: torch.Tensor, frames: torch.Tensor, *, apart: bool) -> dict[str, torch.Tensor]:
    reposed = Reposed(made, made, torch.ones_like(made[:, :1]))
    flags = torch.tensor([apart, apart])
    torch.manual_seed(1)
    return decoder_losses(reposed, frames, poses(), flags, view(), perceptual_loss("filters"))


def test_the_frame_itself_costs_nothing_but_the_trackers_own_error() -> None:
    frames = torch.rand(2, 3, 32, 32) * 2 - 1
    found = terms(frames.clone(), frames, apart=False)
    for name in ("pixels", "perceptual", "likeness", "features", "warped"):
        assert abs(float(found[name])) < 1e-5
    assert float(total(found)) == pytest.approx(10 * float(found["keypoints"]), abs=1e-3)


def test_beside_the_subject_a_pair_that_is_apart_is_not_compared() -> None:
    frames = torch.rand(2, 3, 32, 32) * 2 - 1
    made = frames.clone()
    made[..., :2] = -made[..., :2]  # the left edge
    assert float(terms(made, frames, apart=False)["pixels"]) > 1e-2
    assert float(terms(made, frames, apart=True)["pixels"]) < 1e-3


def test_the_region_holds_all_keypoints_and_no_corner() -> None:
    inside = region(poses(), 64)[0, 0]
    for x, y in ((poses()[0] + 1) * 32).long().tolist():
        assert inside[y, x] > 0.5
    assert inside[32, 32] > 0.99
    assert inside[0, 0] < 0.01


def test_the_tracker_answers_in_the_pictures_space() -> None:
    """Where it looks does not matter to a network that sees the same from everywhere."""
    own = view()
    plain = torch.zeros(1, 3, 32, 32)
    answers = []
    for centre, half in ((0.0, 1.0), (0.2, 0.5)):
        squares = torch.full((1, 1, 2), centre), torch.full((1, 1, 1), half)
        answers.append((own(plain, squares)[0] - centre) / half)
    torch.testing.assert_close(answers[0], answers[1], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "change",
    [
        {"size": 40},
        {"size": 16},
        {"batch": 1},
        {"steps": 0},
        {"rate": float("nan")},
        {"turn": -0.1},
        {"margin": 0.1},
        {"width": 0},
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(DataError):
        tiny_decoder(**change)


def test_settings_are_read_back_and_changed_by_name() -> None:
    config = DecoderConfig().with_texts(["steps=12", "apart=0.5", "mirror=no"])
    assert (config.steps, config.apart, config.mirror) == (12, 0.5, False)
    assert DecoderConfig.from_json(config.to_json()) == config
    for text in ("steps=x", "nothing=1", "steps"):
        with pytest.raises(DataError):
            config.with_texts([text])
    with pytest.raises(DataError, match="not a decoder's settings"):
        DecoderConfig.from_json('{"stepz": 1}')
