import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy import TRIANGLE, tiny_config, toy_footage, toy_prior, write_prior, write_video

from engines import DataError, Skeleton
from train import run
from train.config import Config
from train.run import Task, make_card, pick_device

CONFIG = tiny_config()


@pytest.fixture
def task(tmp_path: Path) -> Task:
    video = write_video(tmp_path / "dots.avi", toy_footage().clips[0].images)
    prior = write_prior(tmp_path / "prior.csv", toy_prior().poses, TRIANGLE, 64)
    return Task(videos=(video,), skeleton=TRIANGLE, prior=prior, roi="frame")


class Started(Exception):
    pass


@pytest.fixture(autouse=True)
def _no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run gets as far as its first step."""

    def start(*_: object) -> None:
        raise Started

    monkeypatch.setattr(run, "pretrain", start)


def start(task: Task, folder: Path, config: Config = CONFIG, *, resume: bool = False) -> None:
    with pytest.raises(Started):
        run.train(task, config, folder, resume=resume, device=torch.device("cpu"))


def refused(words: str, task: Task, folder: Path, config: Config = CONFIG, **more: bool) -> None:
    resume = more.get("resume", False)
    with pytest.raises(DataError, match=words):
        run.train(task, config, folder, resume=resume, device=torch.device("cpu"))


def test_a_run_says_what_it_is(task: Task, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "run"
    start(task, folder)
    made = ["config.json", "footage", "report.html", "run.json", "skeleton.json"]
    assert sorted(path.name for path in folder.iterdir()) == made
    assert len(list((folder / "footage").iterdir())) == 2
    assert Config.from_json((folder / "config.json").read_text()) == CONFIG
    assert Skeleton.from_dict(json.loads((folder / "skeleton.json").read_text())) == TRIANGLE


def test_a_run_is_not_overwritten_but_resumed(task: Task, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    start(task, folder)
    refused("already holds a run; go on with --resume", task, folder)
    start(task, folder, resume=True)


def test_other_settings_are_refused_by_name(task: Task, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    start(task, folder)
    other = CONFIG.with_changes(rate=0.5, steps=7)
    refused(r"other settings \(rate, steps\)", task, folder, other, resume=True)


def test_another_skeleton_is_refused(task: Task, tmp_path: Path, mouse_skeleton: Skeleton) -> None:
    folder = tmp_path / "run"
    start(task, folder)
    other = Task(videos=task.videos, skeleton=mouse_skeleton, prior=task.prior)
    refused("another skeleton", other, folder, resume=True)


def test_a_damaged_description_is_refused(task: Task, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    start(task, folder)
    (folder / "config.json").write_text('{"size"')
    refused(r"config\.json: not a training configuration", task, folder, resume=True)


def test_foreign_folders_and_files_are_left_alone(task: Task, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    refused("exists and is not a run", task, folder)
    refused("exists and is not a run", task, folder / "letter.txt")
    refused("cannot be written", task, folder / "letter.txt" / "run")
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


def test_what_cannot_be_read_leaves_no_run_behind(task: Task, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (tmp_path / "none.csv").write_text("nothing,here\n1,2\n")
    bad_videos = Task(videos=(tmp_path / "none.mp4",), skeleton=TRIANGLE, prior=task.prior)
    bad_prior = replace(task, prior=tmp_path / "none.csv")
    refused("no such file", bad_videos, folder)
    refused(r"none\.csv", bad_prior, folder)
    start(task, folder)  # the corrected command is the same command


def test_a_run_killed_while_reading_can_be_started_again(task: Task, tmp_path: Path) -> None:
    left = tmp_path / "run" / "footage"
    left.mkdir(parents=True)
    (left / "footage-1.pixels.new").write_bytes(b"half")
    start(task, tmp_path / "run")


def test_a_cache_elsewhere_is_used_and_shared(task: Task, tmp_path: Path) -> None:
    cached = replace(task, cache=tmp_path / "cache")
    for name in ("one", "two"):
        start(cached, tmp_path / name)
        assert not (tmp_path / name / "footage").exists()
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_the_card_says_what_is_known() -> None:
    task = Task(videos=(), skeleton=TRIANGLE, prior=Path("p"), name="dots", licence="MIT")
    card = make_card(task, CONFIG, toy_prior(7), 123)
    assert (card.kind, card.name, card.licence, card.run) == (
        "tracker",
        "dots",
        "MIT",
        CONFIG.digest(),
    )
    assert "123 unlabelled frames" in card.data
    assert "7 unpaired poses" in card.data
    assert card.margin == pytest.approx(toy_prior(7).margin())
    assert card.errors == {}
    assert "compact, 6 steps, batch 2" in card.method
    assert "compact, step 4 of 6, batch 2" in make_card(task, CONFIG, toy_prior(7), 9, 4).method
    told = Task(videos=(), skeleton=TRIANGLE, prior=Path("p"), data="my own films")
    assert make_card(told, CONFIG, toy_prior(), 1).data == "my own films"
    assert make_card(told, CONFIG, toy_prior(), 1).licence == "not stated"


def test_frames_are_kept_large_enough_for_the_tracker() -> None:
    assert CONFIG.with_changes(tracker_size=128, zoom=0.8).kept_side == 200


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "mps", "cuda:99"])
def test_devices_that_are_not_there_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="--device"):
        pick_device(name)


def test_the_cpu_is_there() -> None:
    assert pick_device("cpu") == torch.device("cpu")
