import logging
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from toy import TRIANGLE, toy_prior, write_prior

from engines import DataError, Skeleton
from train.prior import INSIDE, Prior, gather, load_prior

HEADER = "width,height,left_x,left_y,right_x,right_y,top_x,top_y\n"


def table(path: Path, *rows: str) -> Path:
    path.write_text(HEADER + "".join(row + "\n" for row in rows))
    return path


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def angles(poses: np.ndarray) -> np.ndarray:
    """Of the triangle's base, radians."""
    base = poses[:, 1] - poses[:, 0]
    return np.arctan2(base[:, 1], base[:, 0])


def test_without_jitter_samples_are_the_poses_themselves() -> None:
    prior = toy_prior(5)
    drawn = prior.sample(rng(), 40)
    assert drawn.shape == (40, 3, 2)
    assert drawn.dtype == np.float32
    matches = np.abs(drawn[:, None] - prior.poses[None]).max(axis=(2, 3)) < 1e-6
    assert matches.any(axis=1).all()
    assert matches.any(axis=0).all()


def test_jitter_has_the_asked_for_spread() -> None:
    prior = Prior(np.array([[[-0.1, 0.0], [0.1, 0.0], [0.0, -0.1]]], np.float32), TRIANGLE)
    drawn = prior.sample(rng(), 4000, turn=0.2, scale=0.15, shift=0.1)
    size = np.linalg.norm(drawn[:, 1] - drawn[:, 0], axis=1) / 0.2
    middle = (drawn[:, 0] + drawn[:, 1]) / 2
    assert angles(drawn).std() == pytest.approx(0.2, rel=0.05)
    assert abs(angles(drawn).mean()) < 0.02
    assert np.log(size).std() == pytest.approx(0.15, rel=0.05)
    np.testing.assert_allclose(middle.std(axis=0), 0.1, rtol=0.05)
    # a similarity: the triangle keeps its shape
    height = np.linalg.norm(drawn[:, 2] - middle, axis=1)
    np.testing.assert_allclose(height / size, 0.1, rtol=1e-3)


def test_poses_turn_about_the_crops_centre_the_way_pictures_do() -> None:
    """Clockwise as seen: y points down, so x turns towards +y."""
    prior = Prior(np.array([[[0.5, 0.0], [0.2, 0.0], [0.3, 0.0]]], np.float32), TRIANGLE)
    drawn = prior.sample(rng(3), 200, turn=0.5)
    np.testing.assert_allclose(np.linalg.norm(drawn[:, 0], axis=1), 0.5, rtol=1e-5)
    np.testing.assert_allclose(drawn[:, 1], drawn[:, 0] * 0.4, atol=1e-6)


def test_everything_stays_inside() -> None:
    drawn = toy_prior().sample(rng(), 500, turn=0.5, scale=0.5, shift=0.5, mirror=True)
    assert np.abs(drawn).max() <= INSIDE + 1e-6


def test_a_pose_too_large_is_shrunk_to_fit_with_its_shape_kept() -> None:
    big = np.array([[[-3.0, 2.0], [3.0, 2.0], [0.0, -2.0]]], np.float32)
    drawn = Prior(big, TRIANGLE).sample(rng(), 3)
    np.testing.assert_allclose(
        np.ptp(drawn, axis=1), np.tile([[1.94, 1.94 * 2 / 3]], (3, 1)), rtol=1e-5
    )
    assert np.abs(drawn).max() <= INSIDE + 1e-6


def test_a_pose_beside_the_crop_is_moved_in_with_its_size_kept() -> None:
    beside = np.array([[[1.5, 0.0], [1.9, 0.0], [1.7, -0.2]]], np.float32)
    drawn = Prior(beside, TRIANGLE).sample(rng(), 1)[0]
    np.testing.assert_allclose(drawn - beside[0], np.tile([INSIDE - 1.9, 0], (3, 1)), atol=1e-6)


def test_mirroring_twice_is_the_identity_and_exchanges_the_pairs() -> None:
    prior = toy_prior(3)
    flip = np.ones(3, bool)
    once = prior._mirrored(prior.poses, flip)
    np.testing.assert_allclose(once[:, 0], prior.poses[:, 1] * (-1, 1))
    np.testing.assert_allclose(once[:, 2], prior.poses[:, 2] * (-1, 1))
    np.testing.assert_array_equal(prior._mirrored(once, flip), prior.poses)


def test_about_half_of_the_samples_are_mirrored() -> None:
    lopsided = np.array([[[-0.5, 0.2], [0.3, 0.2], [0.4, -0.3]]], np.float32)
    drawn = Prior(lopsided, TRIANGLE).sample(rng(), 1000, mirror=True)
    mirrored = drawn[:, 2, 0] < 0
    assert 430 < mirrored.sum() < 570
    np.testing.assert_allclose(drawn[mirrored][:, 0], np.tile([[-0.3, 0.2]], (mirrored.sum(), 1)))


def test_any_rotation_covers_the_circle_evenly(mouse_skeleton: Skeleton) -> None:
    poses = np.array([[[0.0, 0.0], [0.3, 0.0], [0.1, 0.1], [0.2, 0.2]]], np.float32)
    drawn = Prior(poses, mouse_skeleton).sample(rng(), 4000)
    counts, _ = np.histogram(angles(drawn), bins=8, range=(-np.pi, np.pi))
    assert counts.min() > 400
    assert counts.max() < 600


def test_subset_is_a_choice_without_repetition_fixed_by_its_seed() -> None:
    prior = toy_prior(20)
    chosen = prior.subset(7, seed=3)
    assert len(chosen) == 7
    assert len(np.unique(chosen.poses.reshape(7, -1), axis=0)) == 7
    np.testing.assert_array_equal(chosen.poses, prior.subset(7, seed=3).poses)
    assert not np.array_equal(chosen.poses, prior.subset(7, seed=4).poses)
    for count in (0, 21):
        with pytest.raises(DataError, match=f"no subset of {count}"):
            prior.subset(count, seed=0)


def test_zoom_and_margin_are_inverse() -> None:
    prior = Prior(np.array([[[-0.5, 0], [0.5, 0], [0, 0.2]]], np.float32), TRIANGLE)
    assert prior.margin() == pytest.approx(2.0)
    assert prior.zoomed(0.8).margin() == pytest.approx(1.6)


def test_frame_framing_puts_the_edges_of_the_covering_square_at_one(tmp_path: Path) -> None:
    file = table(tmp_path / "p.csv", "100,50,0,0,99,49,49.5,24.5", "50,100,0,0,49,99,24.5,49.5")
    poses = load_prior(file, TRIANGLE, "frame").poses
    np.testing.assert_allclose(poses[0], [[-0.99, -0.49], [0.99, 0.49], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(poses[1], [[-0.49, -0.99], [0.49, 0.99], [0, 0]], atol=1e-6)


def test_pose_framing_centres_the_box_and_doubles_the_longest_distance(tmp_path: Path) -> None:
    file = table(tmp_path / "p.csv", "640,480,100,200,140,200,120,170")
    (pose,) = load_prior(file, TRIANGLE, "pose").poses
    np.testing.assert_allclose(pose, [[-0.5, 0.375], [0.5, 0.375], [0, -0.375]], atol=1e-6)


def test_incomplete_poses_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = table(tmp_path / "p.csv", "9,9,1,1,5,1,,3", "9,9,1,1,5,1,3,3", "9,9,1,1,5,nan,3,3")
    with caplog.at_level(logging.WARNING):
        assert len(load_prior(file, TRIANGLE, "pose")) == 1
    assert "p.csv: 2 poses (line 2, 4): missing points" in caplog.text
    caplog.clear()
    assert len(gather([file], TRIANGLE, tmp_path / "p.npz").points) == 1
    assert "2 poses (line 2, 4): missing points" in caplog.text


def test_poses_outside_their_frame_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = table(tmp_path / "p.csv", "9,9,1,1,5,1,3,3", "9,9,101,1,105,1,103,3")
    assert len(load_prior(file, TRIANGLE, "frame")) == 1
    assert "1 pose (line" in caplog.text
    with pytest.raises(DataError, match="width and height"):
        load_prior(table(file, "9,9,101,1,105,1,103,3"), TRIANGLE, "frame")


def test_nothing_complete_is_refused(tmp_path: Path) -> None:
    file = table(tmp_path / "p.csv", "9,9,1,1,5,1,,")
    with pytest.raises(DataError, match="no pose has all 3"):
        load_prior(file, TRIANGLE, "pose")
    with pytest.raises(DataError, match="no pose is complete"):
        gather([file], TRIANGLE, tmp_path / "p.npz")
    assert not (tmp_path / "p.npz").exists()


@pytest.mark.parametrize("framing", ["frame", "pose"])
def test_npz_gives_the_same_poses_as_its_tables(framing, tmp_path: Path) -> None:
    poses = toy_prior(6).poses
    first = write_prior(tmp_path / "a.csv", poses[:4], TRIANGLE, 64)
    second = write_prior(tmp_path / "b.csv", poses[4:], TRIANGLE, 96)
    assert gather([first, second], TRIANGLE, tmp_path / "p.npz").points.shape == (6, 3, 2)
    joined = load_prior(tmp_path / "p.npz", TRIANGLE, framing)
    apart = [load_prior(file, TRIANGLE, framing).poses for file in (first, second)]
    np.testing.assert_allclose(joined.poses, np.concatenate(apart), atol=1e-6)
    if framing == "frame":
        np.testing.assert_allclose(joined.poses, poses, atol=1e-4)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "b.csv", "p.npz"]


def test_a_table_of_pictures_serves_poses_but_not_frames(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text(HEADER.replace("width,height", "image") + "a.png,1,1,5,1,3,3\n")
    assert len(load_prior(file, TRIANGLE, "pose")) == 1
    with pytest.raises(DataError, match="'width' and 'height'"):
        load_prior(file, TRIANGLE, "frame")
    with pytest.raises(DataError, match="'width' and 'height'"):
        gather([file], TRIANGLE, tmp_path / "p.npz")


def test_a_prior_with_another_number_of_points_is_refused(
    tmp_path: Path, mouse_skeleton: Skeleton
) -> None:
    file = table(tmp_path / "p.csv", "9,9,1,1,5,1,3,3")
    gather([file], TRIANGLE, tmp_path / "p.npz")
    for name in ("p.csv", "p.npz"):
        with pytest.raises(DataError, match="mouse4") as caught:
            load_prior(tmp_path / name, mouse_skeleton, "pose")
        assert "3" in str(caught.value)
        assert "4" in str(caught.value)


def npz(path: Path, **arrays: object) -> Path:
    good = {
        "points": np.zeros((2, 3, 2), np.float32),
        "sizes": np.full((2, 2), 9, np.float32),
        "keypoints": np.array(TRIANGLE.keypoints),
    }
    np.savez(path, **{key: value for key, value in (good | arrays).items() if value is not None})
    return path


class Bomb:
    def __reduce__(self) -> tuple:
        return Path.touch, (Path("exploded"),)


@pytest.mark.parametrize("key", ["points", "sizes", "keypoints"])
def test_a_pickled_object_in_an_npz_is_refused_unopened(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = npz(tmp_path / "p.npz", **{key: np.array([Bomb()], object)})
    with pytest.raises(DataError, match="not a prior"):
        load_prior(file, TRIANGLE, "frame")
    file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError, match="not a prior"):
        load_prior(file, TRIANGLE, "frame")
    assert not Path("exploded").exists()


@pytest.mark.parametrize(
    "arrays",
    [
        {"points": None},
        {"keypoints": None},
        {"keypoints": np.array("left")},
        {"keypoints": np.array(["left", "top", "right"])},
        {"points": np.zeros((0, 3, 2))},
        {"points": np.zeros((2, 3))},
        {"points": np.array(["a", "b"])},
        {"sizes": np.zeros((2, 2))},
        {"sizes": np.full((2, 2), np.nan)},
        {"sizes": np.ones(2)},
        {"sizes": np.ones((3, 2))},
    ],
    ids=lambda arrays: "-".join(f"{k}{np.shape(v)}" for k, v in arrays.items()),
)
def test_npz_files_of_another_make_are_refused(arrays: dict, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"p\.npz"):
        load_prior(npz(tmp_path / "p.npz", **arrays), TRIANGLE, "frame")


def test_damaged_npz_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "p.npz"
    gather([table(tmp_path / "p.csv", "9,9,1,1,5,1,3,3")], TRIANGLE, file)
    whole = file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        start = archive.getinfo("points.npy").header_offset + 60
    for bad in (b"", b"text", whole[:100], whole[:start] + b"\xff" * 40 + whole[start + 40 :]):
        file.write_bytes(bad)
        with pytest.raises(DataError, match=r"p\.npz"):
            load_prior(file, TRIANGLE, "frame")
    with file.open("wb") as plain:
        np.save(plain, np.zeros(3))
    with pytest.raises(DataError, match="not a prior"):
        load_prior(file, TRIANGLE, "frame")
    with pytest.raises(DataError, match="no such file"):
        load_prior(tmp_path / "none.npz", TRIANGLE, "frame")


def test_gather_refuses_names_and_places_it_cannot_write(tmp_path: Path) -> None:
    file = table(tmp_path / "p.csv", "9,9,1,1,5,1,3,3")
    with pytest.raises(DataError, match=r"\.npz"):
        gather([file], TRIANGLE, tmp_path / "prior")
    for output in (tmp_path / "none" / "p.npz", file / "p.npz"):
        with pytest.raises(DataError, match="cannot be written"):
            gather([file], TRIANGLE, output)
    assert list(tmp_path.iterdir()) == [file]
