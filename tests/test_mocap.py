from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import keycam, refused
from made_bvh import Joint, arm, person, width, write_bvh

from engines import DataError, Limb, Skeleton
from train.foreign import read_poses
from train.mocap import FILL, SIDE, Views, read_mocap
from train.prior import load_prior

STICK = Skeleton("stick", ("low", "high"), (Limb("stick", "#ffffff", (0, 1)),))
LEVEL = Views(count=40, elevation=(0, 0))
MAP = 'low = "A"\nhigh = "A_end"\n'


@pytest.fixture
def body() -> Skeleton:
    return Skeleton.load("h36m17")


def stick(folder: Path, end: tuple[float, float, float] = (0, 4, 0)) -> tuple[Path, Path]:
    """A file with a stick that turns about the vertical, and a table of its joints."""
    bone = Joint("A", (0, 0, 0), ("Yrotation",), end=end)
    file = write_bvh(folder / "stick.bvh", bone, np.linspace(0, 300, 20)[:, None])
    joints = folder / "joints.toml"
    joints.write_text(MAP)
    return file, joints


def walking(folder: Path, style: str = "", frames: int = 60) -> Path:
    root = person(style)
    rows = np.random.default_rng(0).uniform(-25, 25, (frames, width(root)))
    return write_bvh(folder / "person.bvh", root, rows)


def test_an_upright_stick_stands_in_the_middle_and_fills_its_share(tmp_path: Path) -> None:
    file, joints = stick(tmp_path)
    table = read_mocap(file, STICK, replace(LEVEL, joints=joints))
    half = FILL * SIDE / 2
    middle = (SIDE - 1) / 2
    wanted = [[middle, middle + half], [middle, middle - half]]
    np.testing.assert_allclose(table.points, np.tile(wanted, (40, 1, 1)), atol=1e-3)
    np.testing.assert_array_equal(table.sizes, np.full((40, 2), SIDE))


@pytest.mark.parametrize(("up", "end"), [("x", (4, 0, 0)), ("z", (0, 0, 4))])
def test_another_axis_may_point_up(up: str, end: tuple, tmp_path: Path) -> None:
    bone = Joint("A", (0, 0, 0), (f"{up.upper()}rotation",), end=end)
    file = write_bvh(tmp_path / "a.bvh", bone, np.zeros((3, 1)))
    (tmp_path / "j.toml").write_text(MAP)
    views = replace(LEVEL, up=up, joints=tmp_path / "j.toml")
    points = read_mocap(file, STICK, views).points
    assert (points[:, 0, 1] - points[:, 1, 1] > 0.6 * SIDE).all()


def test_a_lying_stick_is_seen_from_all_round_with_perspective(tmp_path: Path) -> None:
    """Width on the picture is that of a pinhole camera at some distance, and goes through zero."""
    file, joints = stick(tmp_path, (4, 0, 0))
    views = replace(LEVEL, joints=joints, count=400)
    offsets = read_mocap(file, STICK, views).points[..., 0] - (SIDE - 1) / 2
    assert offsets.min() < -0.3 * SIDE
    assert offsets.max() > 0.3 * SIDE
    assert np.abs(offsets).min() < 0.02 * SIDE
    ratio = np.abs(offsets).max(axis=1) / np.abs(offsets).min(axis=1)
    assert ratio.max() < (3 + 0.6) / (3 - 0.6)  # never nearer than three body lengths
    assert ratio.max() > 1.2


def test_from_straight_above_height_is_lost(tmp_path: Path) -> None:
    file, joints = stick(tmp_path)
    views = replace(LEVEL, joints=joints, elevation=(90, 90))
    points = read_mocap(file, STICK, views).points
    np.testing.assert_allclose(points, (SIDE - 1) / 2, atol=1e-3)


def test_left_and_right_are_not_exchanged(body: Skeleton, tmp_path: Path) -> None:
    """Whoever faces us shows the right hand on our left; the nearer toes tell who does."""
    root = person()
    file = write_bvh(tmp_path / "p.bvh", root, np.zeros((1, width(root))))
    points = read_mocap(file, body, replace(LEVEL, count=200, elevation=(15, 15))).points
    at = {name: points[:, body.keypoints.index(name)] for name in body.keypoints}
    below = at["r_toes"] + at["l_toes"] - at["r_ankle"] - at["l_ankle"]
    facing = below[:, 1] > 28
    assert 30 < facing.sum() < 170
    assert (at["r_wrist"][facing, 0] < at["l_wrist"][facing, 0]).all()
    assert (at["head"][:, 1] < at["neck"][:, 1]).all()


@pytest.mark.parametrize("style", ["", "mixamorig:", "Model_"])
def test_common_names_need_no_table(style: str, body: Skeleton, tmp_path: Path) -> None:
    plain = read_mocap(walking(tmp_path), body, LEVEL).points
    styled = read_mocap(walking(tmp_path, style), body, LEVEL).points
    np.testing.assert_array_equal(plain, styled)


def test_the_seed_decides_alone(body: Skeleton, tmp_path: Path) -> None:
    file = walking(tmp_path)
    one, again = (read_mocap(file, body, LEVEL).points for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, read_mocap(file, body, replace(LEVEL, seed=1)).points)


def test_still_stretches_are_thinned_out(body: Skeleton, tmp_path: Path) -> None:
    """1000 frames of standing and 10 of moving: both kinds of pose are there, and what is asked
    for is made up by more cameras."""
    root = person()
    rows = np.zeros((1010, width(root)))
    rows[1000:] = np.random.default_rng(0).uniform(-60, 60, (10, width(root)))
    file = write_bvh(tmp_path / "p.bvh", root, rows)
    points = read_mocap(file, body, replace(LEVEL, count=11)).points
    at = body.keypoints.index
    bent = points[:, at("l_shoulder"), 1] - points[:, at("l_wrist"), 1]
    assert (np.abs(bent) > 5).sum() >= 8
    assert len(read_mocap(file, body, replace(LEVEL, count=50)).points) == 50


def test_training_takes_such_a_file_as_it_is(body: Skeleton, tmp_path: Path) -> None:
    file = walking(tmp_path)
    table = read_poses(file, body)
    assert len(load_prior(file, body, "frame")) == len(table.points) == Views().count


def test_a_keypoint_without_a_joint_is_named_with_the_joints(
    tmp_path: Path, body: Skeleton
) -> None:
    file = write_bvh(tmp_path / "arm.bvh", arm(), np.zeros((2, 12)))
    with pytest.raises(DataError, match=r"r_hip.*--joints.*Root, Elbow, Hand, Hand_end"):
        read_mocap(file, body, LEVEL)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("low = ", "not a readable TOML"),
        ('low = "A"\n', "keypoint 'high'"),
        ('low = "A"\nhigh = "B"\n', "joint 'B' for keypoint 'high'"),
        (MAP + 'tail = "A"\n', "'tail' is no keypoint"),
        ('low = 3\nhigh = "A"\n', "low needs the name"),
        ('low = []\nhigh = "A"\n', "low needs the name"),
    ],
)
def test_tables_of_joints_that_will_not_do(text: str, words: str, tmp_path: Path) -> None:
    file, joints = stick(tmp_path)
    joints.write_text(text)
    with pytest.raises(DataError, match=words):
        read_mocap(file, STICK, replace(LEVEL, joints=joints))
    with pytest.raises(DataError, match="not a readable TOML"):
        read_mocap(file, STICK, replace(LEVEL, joints=tmp_path / "none.toml"))


def test_a_list_of_joints_is_their_middle(tmp_path: Path) -> None:
    file, joints = stick(tmp_path)
    joints.write_text('low = "A"\nhigh = ["A", "A_end"]\n')
    points = read_mocap(file, STICK, replace(LEVEL, joints=joints)).points
    assert (points[:, 0, 1] - points[:, 1, 1] > 0.6 * SIDE).all()  # it is the body that is fitted
    joints.write_text('low = "A"\nhigh = "A"\n')
    with pytest.raises(DataError, match="all lie in one point"):
        read_mocap(file, STICK, replace(LEVEL, joints=joints))


def test_the_command(tmp_path: Path) -> None:
    file, output, sheet = walking(tmp_path), tmp_path / "p.npz", tmp_path / "p.png"
    line = ["prior", file, file, "--skeleton", "h36m17", "-o", output, "--count", 31]
    result = keycam(*line, "--sheet", sheet)
    assert result.exit_code == 0, result.output
    assert "31 poses, 31 distinct, 0 outside" in result.stdout
    assert sheet.read_bytes().startswith(b"\x89PNG")
    sheet.unlink()
    before = output.read_bytes()
    refused(keycam(*line, "--elevation", "high"), "--elevation high", "-5,20")
    refused(keycam(*line, "--elevation", "20,-5"), "-90 to 90")
    refused(keycam(*line, "--sheet", tmp_path / "p.gif"), ".png")
    (tmp_path / "bad.bvh").write_text("HIERARCHY\n")
    refused(keycam("prior", tmp_path / "bad.bvh", *line[2:]), "bad.bvh", "line 1")
    assert output.read_bytes() == before
    assert sorted(own.name for own in tmp_path.iterdir()) == ["bad.bvh", "p.npz", "person.bvh"]
