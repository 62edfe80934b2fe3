import numpy as np
import pytest

from engines import Roi
from train.holdout import hold_out
from train.videos import Clip, Footage


def footage(*lengths: int) -> Footage:
    """Clips whose frames are numbered: pixel (0, 0) holds (clip, frame)."""
    clips = []
    for number, length in enumerate(lengths):
        images = [np.full((2, 2, 3), (number, frame, 0), np.uint8) for frame in range(length)]
        rois = [Roi(number, frame, 2) for frame in range(length)]
        clips.append(Clip(str(number), images, rois))
    return Footage(tuple(clips))


def numbers(part: Footage | None) -> list[tuple[int, int]]:
    if part is None:
        return []
    for clip in part.clips:
        for image, roi in zip(clip.images, clip.rois, strict=True):
            assert tuple(image[0, 0, :2]) == (roi.x, roi.y)
    return [tuple(map(int, image[0, 0, :2])) for clip in part.clips for image in clip.images]


@pytest.mark.parametrize(
    "lengths", [(200,), (5,) * 40, (100, 90), (200, *(2,) * 10), (3, 40, 9, 41, 60, 12, 5, 20)]
)
def test_every_frame_is_in_one_part_and_about_the_share_is_held_out(lengths) -> None:
    whole = footage(*lengths)
    learnt, held = hold_out(whole, 0.1, 0)
    assert sorted(numbers(learnt) + numbers(held)) == sorted(numbers(whole))
    assert 0.04 * len(whole) <= len(numbers(held)) <= 0.11 * len(whole)


def test_of_one_video_the_last_part_is_held_out() -> None:
    learnt, held = hold_out(footage(50), 0.1, 0)
    assert numbers(held) == [(0, frame) for frame in range(45, 50)]
    assert len(learnt) == 45


def test_of_many_clips_whole_ones_are_held_out_by_the_seed() -> None:
    whole = footage(*(5,) * 40)
    parts = [hold_out(whole, 0.1, seed) for seed in (0, 0, 1)]
    clips = [{clip for clip, _ in numbers(held)} for _, held in parts]
    assert [len(chosen) for chosen in clips] == [4, 4, 4]
    assert clips[0] == clips[1] != clips[2]
    for learnt, held in parts:
        assert not {clip for clip, _ in numbers(learnt)} & {clip for clip, _ in numbers(held)}


def test_one_long_clip_among_short_ones_is_not_lost_to_training() -> None:
    learnt, held = hold_out(footage(200, 2, 2, 2), 0.1, 0)
    assert (0, 0) in numbers(learnt)
    assert len(numbers(held)) == 20


@pytest.mark.parametrize(("lengths", "share"), [((3,), 0.1), ((2, 2), 0.1), ((100,), 0.0)])
def test_too_little_footage_or_no_share_leaves_everything_to_training(lengths, share) -> None:
    learnt, held = hold_out(footage(*lengths), share, 0)
    assert held is None
    assert numbers(learnt) == numbers(footage(*lengths))
