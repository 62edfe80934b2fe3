"""From two faces in a video to two subjects in the tables of other programs."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import keycam, refused

from realtime import track
from realtime.session import Session, open_session
from realtime.synthetic import Synthetic

FRAMES = 24


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drawn faces, side by side."""
    path = tmp_path_factory.mktemp("two") / "two.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (640, 240))
    sources = [Synthetic(seed=seed, size=(320, 240)) for seed in (1, 2)]
    for index in range(FRAMES):
        writer.write(np.hstack([source.frame(index).image for source in sources]))
    writer.release()
    return path


@pytest.fixture(scope="module")
def session(video: Path) -> Session:
    path = video.parent / "session"
    result = keycam("record", video, "-o", path, "--max-subjects", 2, "--lossless")
    assert result.exit_code == 0, result.output
    return open_session(path)


def ids(session: Session) -> list[list[int]]:
    return [[subject.id for subject in record.subjects] for record in session]


def test_both_are_recorded_each_on_its_side(session: Session) -> None:
    assert session.facts["options"]["max_subjects"] == 2
    assert ids(session)[-1] == [0, 1]
    assert sum(found == [0, 1] for found in ids(session)) > FRAMES / 2
    for record in session:
        if len(record.subjects) == 2:
            middles = [subject.keypoints_px[:, 0].mean() > 320 for subject in record.subjects]
            assert middles[0] != middles[1]


def test_a_replay_follows_as_many_and_finds_the_same(session: Session, tmp_path: Path) -> None:
    result = keycam("replay", session.path, "--no-window", "--fast", "-o", tmp_path / "again")
    assert result.exit_code == 0, result.output
    again = open_session(tmp_path / "again")
    assert ids(again) == ids(session)
    for one, other in zip(session, again, strict=True):
        for a, b in zip(one.subjects, other.subjects, strict=True):
            np.testing.assert_array_equal(a.raw_px, b.raw_px)


def test_tables_have_a_row_for_each(session: Session, tmp_path: Path) -> None:
    table = tmp_path / "wide.csv"
    result = keycam("export", session.path, "--to", "csv-wide", "-o", table)
    assert result.exit_code == 0, result.output
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * FRAMES
    assert all(row["p30_x"] for row in rows[-2:])
    deeplabcut = tmp_path / "dlc.csv"
    assert keycam("export", session.path, "--to", "dlc", "-o", deeplabcut).exit_code == 0
    header = deeplabcut.read_text("utf-8").splitlines()[1].split(",")
    assert header[0] == "individuals"
    assert set(header[1:]) == {"id_0", "id_1"}


def test_without_the_option_one_is_followed_under_the_id_0(video: Path, tmp_path: Path) -> None:
    result = keycam("record", video, "-o", tmp_path / "one", "--frames", 8)
    assert result.exit_code == 0, result.output
    assert "max_subjects" not in open_session(tmp_path / "one").facts["options"]
    assert {number for found in ids(open_session(tmp_path / "one")) for number in found} == {0}


def test_in_the_library_they_are_the_poses_subjects(video: Path) -> None:
    found = [len(pose.subjects) for _, pose in track(video, max_subjects=2)]
    assert max(found) == 2


@pytest.mark.parametrize("most", [0, 17, "many"])
def test_numbers_that_cannot_be_followed_are_refused(
    video: Path, tmp_path: Path, most: object
) -> None:
    result = keycam("record", video, "-o", tmp_path / "s", "--max-subjects", most)
    assert result.exit_code == 2
    assert not (tmp_path / "s").exists()
    if most == 17:
        refused(result, "17 subjects cannot be followed; name a number from 1 to 16")
