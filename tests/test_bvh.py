from pathlib import Path

import numpy as np
import pytest
from made_bvh import Joint, arm, person, width, write_bvh

from engines import DataError
from train import bvh
from train.bvh import read_bvh


def test_one_bone_turned_by_90_degrees(tmp_path: Path) -> None:
    """A bone along x: about z it points up, about y away from the viewer; about x it stays."""
    bone = Joint("A", (0, 0, 0), ("Xrotation", "Yrotation", "Zrotation"), end=(2, 0, 0))
    rows = np.array([[0, 0, 0], [0, 0, 90], [0, 90, 0], [90, 0, 0]])
    motion = read_bvh(write_bvh(tmp_path / "a.bvh", bone, rows))
    assert motion.names == ("A", "A_end")
    ends = motion.positions()[:, 1]
    np.testing.assert_allclose(ends, [[2, 0, 0], [0, 2, 0], [0, 0, -2], [2, 0, 0]], atol=1e-9)


def test_the_first_channel_is_the_outermost(tmp_path: Path) -> None:
    """Z then X by 90° each: x goes to y under Z; written X then Z it goes on to z."""
    for order, wanted in (("ZX", [0, 1, 0]), ("XZ", [0, 0, 1])):
        channels = tuple(f"{axis}rotation" for axis in order)
        bone = Joint("A", (0, 0, 0), channels, end=(1, 0, 0))
        places = read_bvh(write_bvh(tmp_path / "a.bvh", bone, np.array([[90, 90]]))).positions()
        np.testing.assert_allclose(places[0, 1], wanted, atol=1e-9)


@pytest.mark.parametrize("root", [arm(), person()], ids=["arm", "person"])
def test_joints_are_where_another_reckoning_has_them(root: Joint, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).uniform(-180, 180, (7, width(root))).round(6)
    motion = read_bvh(write_bvh(tmp_path / "a.bvh", root, rows))
    places = motion.positions()
    for frame, row in enumerate(rows):
        wanted = root.places(list(row), np.eye(4), {})
        assert set(motion.names) == set(wanted)
        for joint, name in enumerate(motion.names):
            np.testing.assert_allclose(places[frame, joint], wanted[name], atol=1e-6)


def test_positions_below_the_root_are_whole_places_or_additions(tmp_path: Path) -> None:
    six = ("Xposition", "Yposition", "Zposition", "Zrotation", "Xrotation", "Yrotation")
    root = Joint("A", (0, 0, 0), below=[Joint("B", (0, 5, 0), six)])
    for y, wanted in ((5.2, 5.2), (0.2, 5.2)):
        row = np.array([[0, 0, 0, 0, y, 0, 0, 0, 0]])
        places = read_bvh(write_bvh(tmp_path / "a.bvh", root, row)).positions()
        np.testing.assert_allclose(places[0, 1], [0, wanted, 0])


def test_spacing_case_names_with_spaces_and_several_roots(tmp_path: Path) -> None:
    file = tmp_path / "a.bvh"
    file.write_bytes(
        b"hierarchy\r\n\r\nROOT  The Hip {OFFSET 1 2 3 CHANNELS 1 xRotation\r\nEnd Site{\r\nOFFSET "
        b"0 1 0}}\r\nROOT Ball\r\n{\r\nOFFSET 0 0 0\r\nCHANNELS 3 Xposition Yposition Zposition\r\n"
        b"}\r\nmotion\r\nFrames:\t2\r\nFrame Time:  .1\r\n\r\n90 7 8 9\r\n\r\n0 1 1 1"
    )
    motion = read_bvh(file)
    assert motion.names == ("The Hip", "The Hip_end", "Ball")
    assert motion.parents == (-1, 0, -1)
    np.testing.assert_allclose(motion.positions()[0], [[1, 2, 3], [1, 2, 4], [7, 8, 9]], atol=1e-9)


def test_of_a_long_file_frames_are_kept_all_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.arange(1000.0)[:, None] * np.ones(12)
    monkeypatch.setattr(bvh, "MAX_FRAMES", 90)
    values = read_bvh(write_bvh(tmp_path / "a.bvh", arm(), rows)).values
    assert values[:, 0].tolist() == list(range(0, 1000, 12))
    monkeypatch.setattr(bvh, "MAX_VALUES", 120)
    assert len(read_bvh(tmp_path / "a.bvh").values) == 10


GOOD = (
    "HIERARCHY\nROOT A\n{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\nEnd Site\n{\nOFFSET 0 1 0\n}\n}\n"
    "MOTION\nFrames: 2\nFrame Time: 0.1\n1\n2\n"
)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (GOOD, "", "ends before MOTION"),
        (GOOD, "\x00\xff\x80" * 500, "HIERARCHY"),
        (GOOD, "MOTION\n", "HIERARCHY"),
        ("HIERARCHY", "SKELETON", "HIERARCHY"),
        ("ROOT A", "JOINT A", "wrong depth"),
        ("ROOT A", "ROOT", "without a name"),
        ("OFFSET 0 0 0", "OFFSET 0 0", "not a number"),
        ("OFFSET 0 0 0", "OFFSET 0 0 nan", "no length"),
        ("OFFSET 0 0 0", "OFFSET 0 0 1e99", "no length"),
        ("CHANNELS 1", "CHANNELS 7", "0 to 6"),
        ("CHANNELS 1", "CHANNELS many", "0 to 6"),
        ("CHANNELS 1 Xrotation", "CHANNELS 0", "no joint that moves"),
        ("CHANNELS 1 Xrotation", "CHANNELS 2 Xrotation Xrotation", "twice"),
        ("Xrotation", "Wrotation", "none of xposition"),
        ("}\n}\n", "}\n", "not closed"),
        ("}\n}\n", "}\n}\n}\n", "brace too many"),
        ("Frames: 2\n", "", "'frames:' was expected"),
        ("Frames: 2", "Frames: 0", "no frames"),
        ("Frames: 2", "Frames: -2", "negative"),
        ("Frames: 2", "Frames: 3", "ends after 2 of 3"),
        ("Frames: 2", "Frames: 900000000", "ends after 2 of"),
        ("Frame Time: 0.1", "Frame Time: soon", "not a number"),
        ("\n1\n", "\n1 1\n", "2 numbers where the joints have 1 channels"),
        ("\n1\n", "\nnan\n", "no length or angle"),
        ("\n1\n", "\none\n", "'one' is not a number"),
    ],
)
def test_damaged_files_are_refused_with_the_line(
    old: str, new: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.bvh"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1), "latin-1")
    with pytest.raises(DataError, match=words) as caught:
        read_bvh(file).positions()
    assert str(caught.value).startswith(f"{file}: line ")


def test_hostile_files_are_refused_soon(tmp_path: Path) -> None:
    file = tmp_path / "bad.bvh"
    deep = "HIERARCHY\nROOT A\n{\n" + "JOINT B\n{\n" * 100_000
    file.write_text(deep + "MOTION\n")
    with pytest.raises(DataError, match="more than 1000 joints"):
        read_bvh(file)
    with file.open("wb") as hole:
        hole.truncate(10 << 30)  # one line of ten gigabytes, none of it on the disk
    with pytest.raises(DataError, match="far too long"):
        read_bvh(file)
    file.write_text("HIERARCHY\nROOT " + "A\n" * (bvh.MAX_HEADER + 1))
    with pytest.raises(DataError, match="does not end"):
        read_bvh(file)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_bvh(tmp_path / "none.bvh")
    with pytest.raises(DataError, match="cannot be read"):
        read_bvh(tmp_path)
