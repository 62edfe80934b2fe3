import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from test_pseudo import DotFinder
from toy import TRIANGLE, found_dots, tiny_config, toy_footage, triangles

from engines import Roi
from train import distil as module
from train.distil import (
    NEAR,
    Lesson,
    _beside,
    _pattern,
    _scrambled,
    distil,
    draw_lesson,
    lesson_losses,
    rate_factor,
    sure_frames,
)
from train.pseudo import PseudoLabels


def truth_labels() -> PseudoLabels:
    points = (triangles(8, np.random.default_rng(6)) + 1) * 32 - 0.5
    return PseudoLabels([points.astype(np.float32)], [np.zeros(8, np.float32)])


def lesson(step: int = 0, **changes) -> Lesson:
    config = tiny_config(**({"tracker_size": 64, "distil_batch": 40} | changes))
    sure = [(0, f) for f in range(8)]
    return draw_lesson(toy_footage(), truth_labels(), sure, TRIANGLE, config, step)


@pytest.mark.parametrize("mirror", [False, True])
def test_keypoints_lie_on_the_dots_of_their_crop(
    mirror: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_roughened", lambda picture, rng: picture)
    own = lesson(mirror=mirror)
    whole = (own.size > 0) & (np.abs(own.keypoints).max(axis=(1, 2)) < 0.85) & (own.size > 0.5)
    assert whole.sum() >= 8
    flips = 0
    for picture, keypoints in zip(own.crops[whole], own.keypoints[whole], strict=True):
        dots = found_dots(picture)
        gaps = [
            np.linalg.norm(keypoints - places, axis=1).max()
            for places in (dots, dots[list(TRIANGLE.flipped)])
        ]
        assert min(gaps) < 2 / 64  # a pixel
        flips += gaps[1] < gaps[0]
    assert bool(flips) == mirror
    # named by what is seen: left is left, mirrored or not
    upright = own.keypoints[own.size > 0]
    assert (upright[:, 0, 0] < upright[:, 1, 0]).mean() > 0.95


def test_sizes_are_those_of_the_poses_and_zero_where_there_is_no_subject() -> None:
    own = lesson(distil_batch=300)
    there = own.size > 0
    assert 0.7 < there.mean() < 0.9  # a fifth is empty
    assert not own.keypoints[~there].any()
    # the larger side of the pose's box over half the crop; turning changes the box a little
    box = np.ptp(own.keypoints[there], axis=1).max(axis=1)
    np.testing.assert_allclose(box, own.size[there], rtol=0.45)
    assert own.size[there].min() > 2 / 3.5
    assert own.size[there].max() < 2 / 1.05
    assert np.ptp(own.size[there]) > 0.8


def test_the_same_step_gives_the_same_lesson() -> None:
    one, two, other = lesson(3), lesson(3), lesson(4)
    for name in ("crops", "keypoints", "size"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert not np.array_equal(one.crops, other.crops)


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


def test_sure_frames_are_those_with_little_doubt_or_the_surer_half() -> None:
    few = PseudoLabels([], [np.float32([0.01, 0.5]), np.float32([0.02, 0.03, np.inf])])
    assert sure_frames(few) == [(0, 0), (1, 0), (1, 1)]
    unsure = PseudoLabels([], [np.float32([0.4, 0.1, 0.3, 0.2])])
    assert sure_frames(unsure) == [(0, 1), (0, 3)]


def test_crops_beside_the_subject_barely_touch_it() -> None:
    rng = np.random.default_rng(0)
    image, pose = np.zeros((200, 300, 3), np.uint8), Roi(150, 100, 60)
    places = [_beside(image, pose, rng) for _ in range(200)]
    found = [place for place in places if place is not None]
    assert len(found) > 150
    assert max(place.overlap(pose) for place in found) < 0.2
    assert _beside(image, Roi(150, 100, 500), rng) is None  # no room


def test_scrambling_moves_the_tiles_and_keeps_all_of_them() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)

    def tiles(own: np.ndarray) -> list[bytes]:
        return [
            own[y : y + 16, x : x + 16].tobytes()
            for y in range(0, 64, 16)
            for x in range(0, 64, 16)
        ]

    scrambled = _scrambled(picture, np.random.default_rng(1))
    assert sorted(tiles(scrambled)) == sorted(tiles(picture))
    assert sum(a == b for a, b in zip(tiles(scrambled), tiles(picture), strict=True)) < 6


def test_patterns_go_from_plain_to_busy() -> None:
    rng = np.random.default_rng(0)
    patterns = [_pattern(32, rng) for _ in range(60)]
    assert {(p.shape, p.dtype) for p in patterns} == {((32, 32, 3), np.dtype(np.uint8))}
    spreads = [p.std(axis=(0, 1)).mean() for p in patterns]
    assert min(spreads) < 12
    assert max(spreads) > 40


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
    run = partial(distil, DotFinder(), toy_footage(), TRIANGLE, config)
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
    distil(DotFinder(), toy_footage(), TRIANGLE, config, tmp_path, torch.device("cpu"))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["place"] < 0.75 * lines[0]["place"]
    assert lines[-1]["trust"] < lines[0]["trust"]
