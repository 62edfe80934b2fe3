import logging

import cv2
import numpy as np
import pytest

from engines import DataError
from realtime.repose.picture import GROUND, read_chosen


def noise(shape, dtype=np.uint8):
    top = np.iinfo(dtype).max
    return np.random.default_rng(0).integers(0, top, shape, dtype, endpoint=True)


def written(path, picture):
    assert cv2.imwrite(str(path), picture)
    return path


def test_a_plain_picture_comes_as_it_is(tmp_path, caplog):
    picture = noise((70, 80, 3))
    with caplog.at_level(logging.INFO):
        read = read_chosen(written(tmp_path / "a.png", picture))
    np.testing.assert_array_equal(read, picture)
    assert caplog.text == ""


def test_a_grey_picture_becomes_bgr_and_that_is_said(tmp_path, caplog):
    picture = noise((70, 80))
    with caplog.at_level(logging.INFO):
        read = read_chosen(written(tmp_path / "a.png", picture))
    np.testing.assert_array_equal(read, np.repeat(picture[..., None], 3, axis=2))
    assert "grey" in caplog.text


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_become_eight_and_that_is_said(tmp_path, caplog, name):
    picture = noise((70, 80, 3), np.uint16)
    with caplog.at_level(logging.INFO):
        read = read_chosen(written(tmp_path / name, picture))
    assert read.dtype == np.uint8
    assert np.abs(read.astype(int) - picture / 257).max() <= 1
    assert "16 bits" in caplog.text


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_transparent_is_laid_on_grey_and_that_is_said(tmp_path, caplog, dtype):
    picture = noise((70, 80, 4), dtype)
    picture[:35, :, 3] = 0
    picture[35:, :, 3] = np.iinfo(dtype).max
    with caplog.at_level(logging.INFO):
        read = read_chosen(written(tmp_path / "a.png", picture))
    assert (read[:35] == GROUND).all()
    expected = picture[35:, :, :3] / (np.iinfo(dtype).max / 255)
    assert np.abs(read[35:] - expected).max() <= 0.51
    assert "transparent" in caplog.text


def test_a_picture_whose_transparency_is_not_used_is_plain(tmp_path, caplog):
    picture = np.dstack([noise((70, 80, 3)), np.full((70, 80), 255, np.uint8)])
    with caplog.at_level(logging.INFO):
        read = read_chosen(written(tmp_path / "a.png", picture))
    np.testing.assert_array_equal(read, picture[..., :3])
    assert caplog.text == ""


def test_what_is_no_picture_of_use_is_refused(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture\n" * 99)
    whole = written(tmp_path / "whole.png", noise((90, 90, 3))).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:60])
    written(tmp_path / "tiny.png", noise((63, 200, 3)))
    cv2.imwrite(str(tmp_path / "float.tiff"), np.ones((70, 80, 3), np.float32))
    for name, words in {
        "none.png": "cannot be read",
        "empty.png": "empty",
        "text.png": "not a readable picture",
        "cut.png": "not a readable picture",
        "tiny.png": "200 x 63",
        "float.tiff": "float32|not a readable",
        ".": "a folder",
    }.items():
        with pytest.raises(DataError, match=words) as caught:
            read_chosen(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_too_many_pixels_are_refused_before_anything_is_decoded(tmp_path, monkeypatch):
    path = written(tmp_path / "large.png", noise((200, 300, 3)))
    monkeypatch.setattr("realtime.repose.picture.MOST_PIXELS", 50_000)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(DataError, match="300 x 200 pixels are too many"):
        read_chosen(path)


def test_a_header_that_promises_what_the_file_has_not_is_refused(tmp_path):
    path = written(tmp_path / "bomb.bmp", noise((64, 64, 3)))
    data = bytearray(path.read_bytes())
    data[18:26] = (20_000).to_bytes(4, "little") * 2  # width and height
    path.write_bytes(data)
    with pytest.raises(DataError):
        read_chosen(path)


@pytest.mark.parametrize("ending", ["bmp", "jpg", "png", "tif", "webp"])
def test_the_usual_kinds_are_read_whatever_they_are_called(tmp_path, ending):
    coded = cv2.imencode(f".{ending}", noise((70, 80, 3)))[1]
    (tmp_path / "100%03d ä.dat").write_bytes(coded.tobytes())
    assert read_chosen(tmp_path / "100%03d ä.dat").shape == (70, 80, 3)


def test_a_playlist_opens_no_other_file(tmp_path):
    written(tmp_path / "other.png", noise((70, 80, 3)))
    path = tmp_path / "list.png"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.png\n#EXT-X-ENDLIST\n")
    with pytest.raises(DataError, match="not a readable picture"):
        read_chosen(path)
