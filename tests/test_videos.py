import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from toy import write_video

from engines import DataError, Roi, crop
from train.videos import (
    Clip,
    Footage,
    find_videos,
    read_frames,
    read_picture,
    reduced,
    spread_frames,
)

GREY = [np.full((48, 64, 3), 10 + 12 * n, np.uint8) for n in range(20)]


def touched(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def footage_of(*lengths: int) -> Footage:
    roi = Roi(0, 0, 1)
    clips = [Clip(str(i), [GREY[0]] * n, [roi] * n) for i, n in enumerate(lengths)]
    return Footage(tuple(clips))


def test_finds_files_and_the_folders_that_hold_pictures(tmp_path: Path) -> None:
    touched(
        tmp_path, "b.MP4", "a/1.jpg", "a/2.png", "a/notes.txt", "c/d/x.avi", "c/y.txt", "e/z/1.bmp"
    )
    found = find_videos([tmp_path])
    assert found == sorted(tmp_path / name for name in ("a", "b.MP4", "c/d/x.avi", "e/z"))
    assert find_videos([tmp_path / "c" / "d" / "x.avi", tmp_path / "a"]) == [
        tmp_path / "c" / "d" / "x.avi",
        tmp_path / "a",
    ]


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    touched(tmp_path, "notes.txt")
    with pytest.raises(DataError, match="no such file"):
        find_videos([tmp_path / "none.mp4"])
    with pytest.raises(DataError, match=r"notes.txt: not a video \(\.avi"):
        find_videos([tmp_path / "notes.txt"])
    with pytest.raises(DataError, match="no videos or pictures under"):
        find_videos([tmp_path])


@pytest.mark.parametrize("ending", ["avi", "mp4"])
def test_reads_every_frame_in_order(ending: str, tmp_path: Path) -> None:
    file = write_video(tmp_path / f"v.{ending}", GREY)
    means = [frame.mean() for frame in read_frames(file)]
    np.testing.assert_allclose(means, [10 + 12 * n for n in range(20)], atol=5)


def test_a_folder_is_read_by_name_and_bad_pictures_are_logged_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (3, 1, 2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), GREY[number])
    (tmp_path / "0.png").write_text("no picture")
    (tmp_path / "2b.jpg").touch()
    (tmp_path / "notes.txt").touch()
    with caplog.at_level(logging.WARNING):
        frames = list(read_frames(tmp_path))
    assert [int(frame[0, 0, 0]) for frame in frames] == [22, 34, 46]
    assert [record.args[0].name for record in caplog.records] == ["0.png", "2b.jpg"]


def test_empty_files_and_texts_called_video_are_refused(tmp_path: Path, capfd) -> None:
    touched(tmp_path, "empty.mp4")
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    with pytest.raises(DataError, match=r"empty\.mp4: the file is empty"):
        list(read_frames(tmp_path / "empty.mp4"))
    with pytest.raises(DataError, match=r"text\.mp4: not a video that can be read"):
        list(read_frames(tmp_path / "text.mp4"))
    assert capfd.readouterr() == ("", "")  # the libraries below keep quiet


def test_a_truncated_video_gives_what_it_has_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), np.uint8)
    file = write_video(tmp_path / "v.avi", list(noise))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    frames = list(read_frames(file))
    assert 5 <= len(frames) <= 12
    assert "v.avi: ends early" in caplog.text
    assert "of 20 frames" in caplog.text


def test_leaving_early_releases_the_video(tmp_path: Path) -> None:
    file = write_video(tmp_path / "v.avi", GREY)
    frames = read_frames(file)
    next(frames)
    frames.close()
    file.unlink()
    assert list(frames) == []


def test_read_picture_is_none_where_there_is_none(tmp_path: Path) -> None:
    touched(tmp_path, "empty.png")
    assert read_picture(tmp_path / "empty.png") is None
    assert read_picture(tmp_path / "none.png") is None
    assert read_picture(tmp_path) is None


def test_pairs_are_of_one_clip_within_the_window_and_frames_equally_likely() -> None:
    footage, rng = footage_of(2, 1, 7), np.random.default_rng(0)
    assert len(footage) == 10
    seen: dict[tuple[str, int], int] = {}
    gaps = set()
    for _ in range(5000):
        clip, i, j = footage.pair(rng, 2)
        assert 0 <= i < len(clip.images)
        assert 0 <= j < len(clip.images)
        gaps.add(i - j)
        seen[clip.name, i] = seen.get((clip.name, i), 0) + 1
    assert gaps == {-2, -1, 0, 1, 2}
    assert len(seen) == 10
    assert min(seen.values()) > 400
    assert max(seen.values()) < 600


def textured(width: int, height: int) -> np.ndarray:
    """Smooth enough that resampling twice and once differ little."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (height // 40, width // 40, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return smooth.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("side", [40, 64, 200])
@pytest.mark.parametrize(
    "roi",
    [Roi(150, 120, 100), Roi(20.3, 30.7, 90.5), Roi(290, 150, 120, 0.4), Roi(159.5, 119.5, 320)],
    ids=["inside", "corner", "edge", "whole"],
)
def test_reduced_frames_give_the_same_crops(side: int, roi: Roi) -> None:
    image = textured(320, 240)
    small, placed = reduced(image, roi, side, 2.0)
    assert placed.size == pytest.approx(min(side, roi.size), rel=0.02)
    assert max(small.shape) <= 2.1 * side + 4
    for turn, zoom, shift in ((0.0, 1.0, 0.0), (0.3, 0.8, 0.1), (-0.2, 1.2, -0.1)):
        view, own = (
            Roi(r.x + shift * r.size, r.y, r.size * zoom, r.angle + turn) for r in (roi, placed)
        )
        wanted, found = crop(image, view, 32).astype(int), crop(small, own, 32).astype(int)
        beside = Roi(view.x + roi.size * 0.06, view.y, view.size, view.angle)
        assert np.abs(wanted - found).mean() < 3
        assert np.abs(wanted - crop(image, beside, 32)).mean() > 4  # what a wrong place costs


def test_a_roi_beside_the_frame_keeps_the_whole_frame() -> None:
    image = textured(64, 48)
    small, placed = reduced(image, Roi(-500, 10, 50), 50, 2.0)
    np.testing.assert_array_equal(small, image)
    assert placed == Roi(-500, 10, 50)


def greys(frames: list[np.ndarray]) -> list[int]:
    """The numbers of frames of GREY."""
    return [round((float(frame.mean()) - 10) / 12) for frame in frames]


def test_frames_are_picked_all_along_a_video_or_a_folder(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.avi", GREY)
    assert greys(spread_frames(video, 4)) == [2, 7, 12, 17]
    assert greys(spread_frames(video, 50)) == list(range(20))
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n, frame in enumerate(GREY[:5]):
        cv2.imwrite(str(folder / f"{n}.png"), frame)
    assert greys(spread_frames(folder, 2)) == [1, 3]
    assert greys(spread_frames(folder / "4.png", 8)) == [4]


@pytest.mark.parametrize("name", ["none.mp4", "none.png", "empty.avi", "text.jpg", "hollow"])
def test_what_has_no_frames_to_pick_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty.avi").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "hollow").mkdir()
    with pytest.raises(DataError, match=name):
        spread_frames(tmp_path / name, 8)
