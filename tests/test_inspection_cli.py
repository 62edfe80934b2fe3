"""`keycam train --check`, `keycam report`, and bad data, as a user meets them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import keycam, refused
from moving import panned
from test_train_cli import settings
from toy import TRIANGLE, toy_footage, toy_prior, write_prior, write_skeleton, write_video

from train import rehearsal, run


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a prior and a skeleton; rehearsals are short."""
    monkeypatch.setattr(rehearsal, "MOST", 2)
    monkeypatch.setattr(rehearsal, "SECONDS", 0.1)
    write_prior(tmp_path / "prior.csv", toy_prior(60).poses, TRIANGLE, 64)
    write_skeleton(tmp_path / "triangle.toml", TRIANGLE)
    return tmp_path


def line(world: Path, *more: object) -> list[str]:
    words = ["train", "--skeleton", world / "triangle.toml", "--prior", world / "prior.csv"]
    words += ["-o", world / "run", "--threads", "1", *more, *settings()]
    return [str(word) for word in words]


def dots(world: Path, count: int = 240) -> Path:
    return write_video(world / "dots.avi", toy_footage(count).clips[0].images)


def test_check_says_how_long_it_takes_and_makes_nothing(world: Path) -> None:
    video = dots(world)
    before = sorted(world.iterdir())
    result = keycam(*line(world, video, "--roi", "frame", "--check"))
    assert result.exit_code == 0, result.output
    (said,) = result.stdout.splitlines()
    assert said.startswith("this will take about ")
    for stage in ("pre-training", "keypoints", "distillation"):
        assert stage in said
    assert sorted(world.iterdir()) == before


def test_check_refuses_what_is_of_no_use(world: Path) -> None:
    still = write_video(world / "still.avi", [panned(1, 0)[0][0]] * 30)
    result = keycam(*line(world, still, "--roi", "frame", "--check"))
    assert result.exit_code == 2
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert "still.avi: nothing moves" in last
    assert "use clips in which the subject moves" in last
    keycam(*line(world, still, "--roi", "frame"))
    left = {path.name for path in (world / "run").iterdir()}
    assert left <= {"footage"}  # the corrected command is the same command


def test_bad_data_is_named_left_out_and_repeated_in_the_report(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A video cut short, an unreadable picture among good ones, a prior with bad rows."""
    for name in ("export_decoder", "export_teacher"):  # the slow part
        monkeypatch.setattr(run, name, lambda *_: None)
    films = world / "films"
    (films / "pictures").mkdir(parents=True)
    for n, image in enumerate(toy_footage(12).clips[0].images):
        cv2.imwrite(str(films / "pictures" / f"{n:02d}.png"), image)
    (films / "pictures" / "05.png").write_bytes(b"no picture")
    whole = dots(world, 60).read_bytes()
    (films / "cut.avi").write_bytes(whole[: len(whole) * 6 // 10])
    (films / "text.mp4").write_text("no video\n" * 50)
    rows = (world / "prior.csv").read_text().splitlines()
    rows[3] = rows[3].rpartition(",")[0] + ",nan"
    rows[5] = "64,64,900,900,950,900,920,950"
    (world / "prior.csv").write_text("\n".join(rows) + "\n")
    result = keycam(*line(world, films, "--roi", "frame"))
    assert result.exit_code == 0, result.output
    page = (world / "run" / "report.html").read_text("utf-8")
    for fault in (
        "05.png: not a readable picture",
        "text.mp4: not a video",
        "prior.csv: 1 pose (line 4): missing points",
        "prior.csv: 1 pose (line 6): outside their frame",
    ):
        assert fault in result.stderr, fault
        assert fault in page, fault
    facts = json.loads((world / "run" / "run.json").read_text())
    assert facts["poses"] == 58
    assert facts["clips"] == 2
    assert set(facts["seconds"]) == {"pretrain", "joint", "distil"}

    (world / "run" / "report.html").unlink()
    result = keycam("report", world / "run")
    assert result.exit_code == 0, result.output
    assert f"{world / 'run' / 'report.html'}: open it" in result.stdout
    assert "keycam run 0 -m" in (world / "run" / "report.html").read_text("utf-8")


def test_a_prior_of_which_nothing_is_left_stops_the_run(world: Path) -> None:
    poses = np.repeat(toy_prior(1).poses, 30, axis=0)
    write_prior(world / "prior.csv", poses, TRIANGLE, 64)
    result = keycam(*line(world, dots(world, 30), "--roi", "frame"))
    assert result.exit_code == 2
    assert "prior.csv: only 1 distinct poses among 30; add poses" in result.stderr
    left = {path.name for path in (world / "run").iterdir()}
    assert left <= {"footage"}  # the corrected command is the same command


@pytest.mark.parametrize("roi", ["here", "1,2", "1,2,0", "1,2,nan", "1,2,3,4", "-9e9,0,inf", ""])
def test_squares_that_are_none_are_refused(roi: str, world: Path) -> None:
    refused(keycam(*line(world, dots(world, 4), "--roi", roi)), "--roi", "X,Y,SIZE")


def test_a_square_outside_the_frame_is_refused(world: Path) -> None:
    result = keycam(*line(world, dots(world, 4), "--roi", "100,0,20"))
    refused(result, "dots.avi", "--roi 100,0,20 lies outside its frames of 64 x 64")


def test_report_refuses_what_is_no_run(tmp_path: Path) -> None:
    refused(keycam("report", tmp_path), "not a run's folder")
