import threading
import time

import numpy as np
import pytest
import torch
from toy import tiny_config, toy_footage

from engines import Roi, crop
from train.batches import Batch, ahead, bent, draw_batch, random_roi, relit, resampled, tensor


def batch_of(seed: int, **changes) -> Batch:
    config = tiny_config(**changes)
    return draw_batch(toy_footage(), config, np.random.default_rng(seed), any_turn=False)


def test_the_same_random_numbers_make_the_same_batch() -> None:
    one, two, other = batch_of(1), batch_of(1), batch_of(2)
    for name in ("frames", "others", "moved", "origin", "mirrored"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert not np.array_equal(one.frames, other.frames)


def test_shapes_and_types() -> None:
    batch = batch_of(0)
    for pictures in (batch.frames, batch.others, batch.moved):
        assert (pictures.shape, pictures.dtype) == ((2, 32, 32, 3), np.uint8)
    assert (batch.origin.shape, batch.origin.dtype) == ((2, 32, 32, 2), np.float32)
    assert batch.has_moved


def test_nothing_is_moved_where_nothing_asks_for_it() -> None:
    batch = batch_of(0, equivariance_weight=0.0)
    assert not batch.has_moved
    assert len(batch.moved) == len(batch.origin) == len(batch.mirrored) == 0


def test_without_jitter_a_batch_is_two_frames_of_a_clip_as_they_are() -> None:
    still = {"turn": 0.0, "scale": 0.0, "shift": 0.0, "zoom": 1.0, "batch": 16}
    batch = batch_of(0, **still, window=1)
    (clip,) = toy_footage().clips
    whole = [crop(image, roi, 32) for image, roi in zip(clip.images, clip.rois, strict=True)]
    numbers = [
        [next(n for n, own in enumerate(whole) if np.array_equal(own, p)) for p in pictures]
        for pictures in (batch.frames, batch.others)
    ]
    gaps = np.subtract(*numbers)
    assert set(gaps) == {-1, 0, 1}


def test_mirroring_can_be_turned_off() -> None:
    assert not batch_of(0, mirror=False, batch=16).mirrored.any()
    assert 0 < batch_of(0, mirror=True, batch=16).mirrored.sum() < 16


def test_rois_have_the_priors_spread() -> None:
    config = tiny_config(turn=0.2, scale=0.15, shift=0.1, zoom=0.8)
    rng = np.random.default_rng(0)
    rois = [random_roi(Roi(50, 40, 100, 0.5), config, rng, any_turn=False) for _ in range(4000)]
    size = np.array([roi.size for roi in rois])
    angle = np.array([roi.angle for roi in rois])
    x = np.array([roi.x for roi in rois])
    assert np.log(size).mean() == pytest.approx(np.log(80), abs=0.01)
    assert np.log(size).std() == pytest.approx(0.15, rel=0.05)
    assert angle.mean() == pytest.approx(0.5, abs=0.02)
    assert angle.std() == pytest.approx(0.2, rel=0.05)
    assert ((x - 50) / (size / 2)).std() == pytest.approx(0.1, rel=0.05)
    turned = [random_roi(Roi(50, 40, 100), config, rng, any_turn=True).angle for _ in range(2000)]
    counts, _ = np.histogram(turned, bins=4, range=(-np.pi, np.pi))
    assert counts.min() > 400


def test_no_bend_is_the_identity_and_resamples_to_the_same_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    same = resampled(picture, bent(32, 0.0, np.random.default_rng(0)))
    np.testing.assert_array_equal(same, picture)


def test_a_bend_is_smooth_and_as_strong_as_asked() -> None:
    rng = np.random.default_rng(0)
    shifts = np.stack([bent(32, 0.06, rng) - bent(32, 0.0, rng) for _ in range(200)])
    assert 0.03 < shifts.std() < 0.07
    assert abs(shifts.mean()) < 0.005
    assert np.abs(np.diff(shifts, axis=1)).max() < 0.1  # of a cell's 2 / 32


def test_resampling_shows_what_lies_at_the_asked_for_place() -> None:
    ramp = np.tile(np.arange(32, dtype=np.uint8)[None, :, None] * 8, (32, 1, 3))
    left = bent(32, 0.0, np.random.default_rng(0)) - np.float32([4 / 16, 0])  # 4 pixels
    np.testing.assert_array_equal(resampled(ramp, left)[:, 4:], ramp[:, :-4])
    np.testing.assert_array_equal(resampled(ramp, left)[:, :4], ramp[:, :1].repeat(4, 1))


def test_other_light_changes_values_and_keeps_places() -> None:
    rng = np.random.default_rng(0)
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[8:24, 8:24] = 200
    lit = [relit(picture, rng) for _ in range(50)]
    assert len({int(p[16, 16, 0]) for p in lit}) > 10
    for own in lit:
        assert (own[12:20, 12:20] > own[:4, :4].max()).all()
        assert (own.shape, own.dtype) == (picture.shape, np.uint8)


def test_tensor_is_rgb_in_minus_one_to_one() -> None:
    picture = np.zeros((1, 2, 2, 3), np.uint8)
    picture[0, 0, 1] = (0, 51, 255)  # B, G, R
    made = tensor(picture, torch.device("cpu"))
    assert made.shape == (1, 3, 2, 2)
    np.testing.assert_allclose(made[0, :, 0, 1].numpy(), [1.0, -0.6, -1.0], atol=1e-6)
    assert made[0, :, 1, 0].tolist() == [-1.0] * 3


def test_a_part_of_a_batch_is_that_part_of_the_whole() -> None:
    config = tiny_config(batch=6)
    whole, part = (
        draw_batch(toy_footage(), config, np.random.default_rng(1), any_turn=False, part=own)
        for own in (slice(None), slice(2, 4))
    )
    for name in ("frames", "others", "moved", "origin", "mirrored"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[2:4])


def batch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "batches"]


def test_ahead_keeps_the_order_and_works_in_its_own_thread() -> None:
    names = []

    def make(number: int) -> int:
        names.append(threading.current_thread().name)
        return number * number

    assert list(ahead(make, 3, 9)) == [n * n for n in range(3, 9)]
    assert set(names) == {"batches"}
    assert not batch_threads()
    assert list(ahead(make, 5, 5)) == []


def test_ahead_runs_ahead_but_not_too_far() -> None:
    made = []
    items = ahead(lambda n: made.append(n) or n, 0, 100, depth=3)
    assert next(items) == 0
    deadline = time.monotonic() + 10
    while len(made) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert made == [0, 1, 2, 3, 4]  # one taken, three queued, one in hand
    items.close()
    assert not batch_threads()


@pytest.mark.parametrize("threads", [2, 3, 20])
def test_several_threads_keep_the_order(threads: int) -> None:
    def make(number: int) -> int:
        time.sleep(0.001 * (number % 3))
        return number * number

    assert list(ahead(make, 3, 13, threads=threads)) == [n * n for n in range(3, 13)]
    assert not batch_threads()
    assert list(ahead(make, 5, 5, threads=threads)) == []
    for item in ahead(lambda number: number, 0, 10**9, threads=threads):
        if item == 30:
            assert len(batch_threads()) == threads
            break
    deadline = time.monotonic() + 10
    while batch_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not batch_threads()


class Fault(Exception):
    pass


def test_an_exception_in_the_thread_reaches_the_owner_in_its_turn() -> None:
    def make(number: int) -> int:
        if number == 3:
            raise Fault("three")
        return number

    items = ahead(make, 0, 10)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Fault, match="three"):
        next(items)
    assert not batch_threads()


def test_leaving_early_ends_the_thread() -> None:
    for item in ahead(lambda n: n, 0, 10**9):
        if item == 5:
            break
    deadline = time.monotonic() + 10
    while batch_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not batch_threads()
