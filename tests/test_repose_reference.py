import cv2
import numpy as np
import pytest
from reposing import blob, reference

from engines import DataError, Roi, load
from realtime.repose.reference import SIDES, canvas_size, draw_portrait, fitted, open_references


@pytest.fixture(scope="module")
def faces():
    engine = load("face68", "cpu")
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def blobs(blob_path):
    engine = load(blob_path, "cpu")
    yield engine
    engine.close()


def test_the_people_that_are_drawn_are_found_where_they_are(faces):
    own = open_references(["portrait:", "portrait:5"], faces)
    assert [one.name for one in own] == ["portrait:", "portrait:5"]
    for one in own:
        assert one.picture.shape == (480, 480, 3)
        assert one.keypoints_px.shape == (68, 2)
        low, high = one.keypoints_px.min(axis=0), one.keypoints_px.max(axis=0)
        np.testing.assert_allclose((low + high) / 2, (240, 258), atol=30)
    assert np.abs(own[0].picture.astype(int) - own[1].picture).mean() > 10


def test_every_reference_gets_the_size_of_the_first(blobs, tmp_path):
    sizes = {"a.png": (500, 400), "b.png": (400, 500), "c.png": (900, 720)}
    for name, size in sizes.items():
        cv2.imwrite(str(tmp_path / name), blob(size, 40))
    own = open_references([str(tmp_path / name) for name in sizes], blobs)
    assert [one.name for one in own] == list(sizes)
    assert {one.picture.shape for one in own} == {(400, 500, 3)}
    for one in own:
        np.testing.assert_allclose(one.keypoints_px.mean(axis=0), (250, 200), atol=4)


def test_a_picture_without_a_subject_is_refused_by_name(blobs, faces, tmp_path):
    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), np.full((300, 300, 3), 40, np.uint8))
    for engine, subject in ((blobs, "mouse4"), (faces, "face68")):
        with pytest.raises(DataError, match=f"wall.png: no {subject} found"):
            open_references([str(path)], engine)


def test_a_subject_that_is_too_small_is_refused(blobs, tmp_path, monkeypatch):
    monkeypatch.setattr("realtime.repose.reference.LEAST_BODY_PX", 1000)
    cv2.imwrite(str(tmp_path / "a.png"), blob((500, 400), 40))
    with pytest.raises(DataError, match="pixels large; cut the picture closer"):
        open_references([str(tmp_path / "a.png")], blobs)


def test_a_drawn_person_has_a_number(faces):
    with pytest.raises(DataError, match="portrait:3"):
        open_references(["portrait:me"], faces)
    np.testing.assert_array_equal(draw_portrait(4), draw_portrait(4))


@pytest.mark.parametrize(
    ("size", "canvas"),
    [((500, 401), (500, 400)), ((100, 75), (480, 360)), ((4000, 3000), (1280, 960)),
     ((64, 6400), (12, 1280))],
)  # fmt: skip
def test_the_canvas_keeps_the_pictures_shape_within_limits(size, canvas):
    assert canvas_size(np.zeros((size[1], size[0], 3), np.uint8)) == canvas
    assert SIDES[0] <= max(canvas) <= SIDES[1]


def test_another_shape_is_laid_whole_in_the_middle():
    picture = np.full((200, 100, 3), 255, np.uint8)
    out = fitted(picture, (300, 100))
    assert out.shape == (100, 300, 3)
    white = (out == 255).all(axis=(0, 2))
    assert np.flatnonzero(white).tolist() == list(range(125, 175))
    assert out[:, :120].max() < 140
    assert fitted(picture, (100, 200)) is picture


def test_the_square_lies_on_whole_pixels_close_to_that_of_training():
    own = reference(points=np.array([[10.3, 20.2], [57.7, 31.9]], np.float32))
    near, exact = own.roi(1.6), Roi.around(own.keypoints_px, 1.6)
    left = near.x - (near.size - 1) / 2
    assert left == round(left)
    assert near.size == round(near.size)
    assert near.distance(exact) < 0.8
    assert abs(near.size - exact.size) <= 0.5
