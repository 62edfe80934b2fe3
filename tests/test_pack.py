import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from toy import tiny_config, toy_footage, write_video

from engines import DataError
from train.batches import draw_batch
from train.footage import load_footage
from train.pack import packed_footage
from train.videos import Footage

SIDE = 48


@pytest.fixture
def videos(tmp_path: Path) -> list[Path]:
    """A video, and a folder of pictures that differ in size."""
    import cv2

    images = toy_footage(10).clips[0].images
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, image in enumerate(images[:3]):
        cv2.imwrite(str(pictures / f"{number}.png"), image[: 40 + 8 * number])
    return [write_video(tmp_path / "dots.avi", images), pictures]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pack"


def files(folder: Path) -> tuple[Path, Path]:
    (pixels,), (index,) = folder.glob("*.pixels"), folder.glob("*.json")
    return pixels, index


def equal(one: Footage, two: Footage) -> bool:
    return len(one.clips) == len(two.clips) and all(
        a.name == b.name
        and a.rois == b.rois
        and len(a.images) == len(b.images)
        and all(np.array_equal(x, y) for x, y in zip(a.images, b.images, strict=True))
        for a, b in zip(one.clips, two.clips, strict=True)
    )


def test_a_pack_holds_the_footage_to_the_bit(videos: list[Path], folder: Path) -> None:
    plain, framing = load_footage(videos, "frame", SIDE)
    for _ in range(2):  # made, then read
        packed, again = packed_footage(videos, "frame", SIDE, folder)
        assert again == framing
        assert equal(packed, plain)
        config = tiny_config(batch=6)
        one, two = (
            draw_batch(own, config, np.random.default_rng(3), any_turn=False)
            for own in (plain, packed)
        )
        for name in ("frames", "others", "moved", "origin", "mirrored"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert len(list(folder.iterdir())) == 2


def test_pictures_are_views_that_cannot_be_written(videos: list[Path], folder: Path) -> None:
    footage, _ = packed_footage(videos, "frame", SIDE, folder)
    images = footage.clips[0].images
    with pytest.raises(ValueError, match="read-only"):
        images[0][:] = 0
    np.testing.assert_array_equal(images[-1], images[len(images) - 1])
    assert [image.shape for image in images[2:5]] == [images[2].shape] * 3
    with pytest.raises(IndexError):
        images[len(images)]


def test_nothing_is_decoded_twice(
    videos: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    caplog.set_level(logging.INFO, "train")
    packed_footage(videos, "auto", SIDE, folder)
    pixels, _ = files(folder)
    assert f"{pixels}: made, 13 frames, 0 MB" in caplog.text
    monkeypatch.setattr("train.footage.read_frames", None)
    packed_footage(videos, "auto", SIDE, folder)
    assert f"{pixels}: read before, 13 frames" in caplog.text


def test_other_settings_have_a_pack_of_their_own(videos: list[Path], folder: Path) -> None:
    for mode, side in (("frame", 48), ("frame", 40), ("auto", 48)):
        packed_footage(videos, mode, side, folder)
    packed_footage(videos[:1], "frame", 48, folder)
    assert len(list(folder.glob("*.json"))) == 4


@pytest.mark.parametrize("change", ["touched", "grown", "more"])
def test_a_changed_source_is_read_again(
    change: str, videos: list[Path], folder: Path, tmp_path: Path, caplog
) -> None:
    caplog.set_level(logging.INFO, "train")
    packed_footage(videos, "frame", SIDE, folder)
    video, pictures = videos
    if change == "touched":
        stat = video.stat()
        os.utime(video, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))
    elif change == "grown":
        write_video(video, toy_footage(12).clips[0].images)
    else:
        (pictures / "3.png").write_bytes((pictures / "0.png").read_bytes())
    packed, _ = packed_footage(videos, "frame", SIDE, folder)
    assert equal(packed, load_footage(videos, "frame", SIDE)[0])
    assert "made anew, as a video or picture has changed" in caplog.text


def cut(pixels: Path, index: Path) -> None:
    pixels.write_bytes(pixels.read_bytes()[:-1])


def flip(pixels: Path, index: Path) -> None:
    data = bytearray(pixels.read_bytes())
    data[len(data) // 2] ^= 1
    pixels.write_bytes(data)


def empty(pixels: Path, index: Path) -> None:
    pixels.write_bytes(b"")


def lose(pixels: Path, index: Path) -> None:
    pixels.unlink()


def half(pixels: Path, index: Path) -> None:
    text = index.read_text()
    index.write_text(text[: len(text) // 2])


@pytest.mark.parametrize(
    ("harm", "words"),
    [(cut, "cut short"), (flip, "damaged"), (empty, "missing"), (lose, "missing"), (half, "index")],
)
def test_a_damaged_pack_is_made_anew(
    harm, words: str, videos: list[Path], folder: Path, caplog
) -> None:
    caplog.set_level(logging.INFO, "train")
    packed_footage(videos, "frame", SIDE, folder)
    harm(*files(folder))
    packed, _ = packed_footage(videos, "frame", SIDE, folder)
    assert equal(packed, load_footage(videos, "frame", SIDE)[0])
    assert f"{words}" in caplog.text.partition("made anew")[2]


HOSTILE = [
    {"shapes": [[-64, 64]] * 10},
    {"shapes": [[1 << 40, 1 << 40]] * 10},
    {"shapes": [["64", 64]] * 10},
    {"shapes": [[True, 64]] * 10},
    {"shapes": []},
    {"facts": {"rois": [[0, 0, -1, 0]] * 10}},
    {"facts": {"rois": [[0, 0, float("nan"), 0]] * 10}},
    {"facts": {"rois": [[0, 0, "x", 0]] * 10}},
    {"facts": {"rois": [7] * 10}},
    {"facts": {"rois": []}},
    {"checksum": "0"},
    {"name": ["../../etc/passwd"]},
]


@pytest.mark.parametrize("entry", HOSTILE, ids=str)
def test_a_hostile_index_is_not_believed(
    entry: dict, videos: list[Path], folder: Path, caplog
) -> None:
    caplog.set_level(logging.INFO, "train")
    packed_footage(videos, "frame", SIDE, folder)
    _, index = files(folder)
    table = json.loads(index.read_text())
    table["clips"][0] |= entry
    index.write_text(json.dumps(table))
    packed, _ = packed_footage(videos, "frame", SIDE, folder)
    assert equal(packed, load_footage(videos, "frame", SIDE)[0])
    assert "made anew, as its index is damaged" in caplog.text


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "null", '{"sources": 3}', "\xff"])
def test_nor_what_is_no_index(text: str, videos: list[Path], folder: Path) -> None:
    packed_footage(videos, "frame", SIDE, folder)
    files(folder)[1].write_text(text, "latin-1")
    packed, _ = packed_footage(videos, "frame", SIDE, folder)
    assert equal(packed, load_footage(videos, "frame", SIDE)[0])


def test_what_cannot_be_read_leaves_nothing(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(DataError, match="not a video"):
        packed_footage([tmp_path / "text.mp4"], "frame", SIDE, folder)
    assert not folder.exists()


def test_a_place_that_cannot_be_written_is_refused(videos: list[Path], folder: Path) -> None:
    folder.write_text("mine")
    with pytest.raises(DataError, match="no place for the decoded frames"):
        packed_footage(videos, "frame", SIDE, folder)
    assert folder.read_text() == "mine"


class Killed(BaseException):
    pass


def test_a_kill_while_reading_leaves_no_index(
    videos: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("train.footage.reduced", die)
        with pytest.raises(Killed):
            packed_footage(videos, "frame", SIDE, folder)
    assert not folder.exists()
