"""Bent pictures: what is seen and what is said change together, and nothing else changes."""

import numpy as np
import pytest
from toy import TRIANGLE, dotted, found_dots, tiny_config, toy_footage, toy_prior, triangles

from train import lessons
from train.lessons import draw_lesson
from train.pseudo import PseudoLabels
from train.reshape import SOFT, Reshaper, _folds, _origin, spline
from train.shapes import Shapes, as_complex

SIDE = 96


def picture_of(pose):
    return dotted((pose + 1) * SIDE / 2 - 0.5, (SIDE, SIDE))


def test_the_keypoints_lie_on_the_dots_of_the_bent_picture():
    reshaper, rng = Reshaper.of(toy_prior(), 2.5), np.random.default_rng(0)
    changes = []
    for pose in triangles(20, rng):
        bent, points = reshaper.reshape(picture_of(pose), pose, rng)
        assert np.linalg.norm(found_dots(bent) - points, axis=1).max() < 2 / SIDE  # a pixel
        changes.append(np.abs(points - pose).max())
    assert np.median(changes) > 2 * 2 / SIDE  # the pose has moved by more than that


def test_only_the_shape_changes():
    """Against an independent fit: the similarity between mean shape and pose is the same after."""
    reshaper, rng = Reshaper.of(toy_prior(), 1.0), np.random.default_rng(1)
    mean = reshaper.shapes.mean
    for pose in triangles(10, rng):
        _, points = reshaper.reshape(picture_of(pose), pose, rng)
        left = np.stack([mean, np.ones(3)], axis=1)
        before = np.linalg.lstsq(left, as_complex(pose[None])[0], rcond=None)[0]
        after = np.linalg.lstsq(left, as_complex(points[None])[0], rcond=None)[0]
        np.testing.assert_allclose(after, before, atol=1e-6)


def test_changes_are_spread_as_the_prior_is():
    prior = toy_prior(400)
    reshaper, rng = Reshaper.of(prior, 0.5), np.random.default_rng(2)
    pose = triangles(1, rng)[0]
    bent = np.stack([reshaper.reshape(picture_of(pose), pose, rng)[1] for _ in range(300)])
    _, shaped = reshaper.shapes.read(as_complex(bent))
    real = reshaper.shapes.spread > 1e-6  # a triangle has two shapes, all else is place
    np.testing.assert_allclose(
        shaped.std(axis=0)[real], 0.5 * reshaper.shapes.spread[real], rtol=0.15
    )


def test_a_change_that_would_fold_the_picture_is_halved_until_it_does_not():
    pose = triangles(1, np.random.default_rng(3))[0]
    before = as_complex(pose[None])[0]
    crossed = before[[1, 0, 2]]  # left and right have changed places
    assert _folds(_origin(before, crossed))
    assert not _folds(_origin(before, before + 0.1 * (crossed - before)))

    reshaper, rng = Reshaper.of(toy_prior(), 30.0), np.random.default_rng(4)
    for _ in range(20):
        _, points = reshaper.reshape(picture_of(pose), pose, rng)
        after = as_complex(points[None])[0]
        assert np.allclose(after, before) or not _folds(_origin(before, after))


@pytest.mark.parametrize("count", [4, 30])
def test_the_spline_goes_through_its_ends_and_keeps_planes(count):
    rng = np.random.default_rng(count)
    ends = rng.uniform(-1, 1, count) + 1j * rng.uniform(-1, 1, count)
    places = rng.uniform(-1, 1, 50) + 1j * rng.uniform(-1, 1, 50)
    plane = 0.2 + 0.1j + (0.3 - 0.1j) * ends + 0.05 * ends.conj()
    wanted = 0.2 + 0.1j + (0.3 - 0.1j) * places + 0.05 * places.conj()
    np.testing.assert_allclose(spline(ends, plane, places), wanted, atol=1e-9)
    shift = 0.1 * (rng.normal(size=count) + 1j * rng.normal(size=count))
    assert abs(spline(ends, shift, ends) - shift).max() < 0.1 * abs(shift).max() + 10 * SOFT


def test_far_from_the_pose_the_picture_stays():
    small = triangles(1, np.random.default_rng(5))[0] * 0.3
    before = as_complex(small[None])[0]
    origin = _origin(before, before * (1 + 0.1j))
    grid = np.linspace(-1, 1, len(origin))
    still = grid[None] + 1j * grid[:, None]
    far = np.maximum(abs(still.real), abs(still.imag)) > 0.4
    assert (origin == still)[far].all()
    assert abs(origin - still).max() > 0.005


def test_lessons_are_reshaped_and_still_true(monkeypatch):
    monkeypatch.setattr(lessons, "_roughened", lambda picture, rng: picture)
    points = (triangles(8, np.random.default_rng(6)) + 1) * 32 - 0.5
    labels = PseudoLabels([points.astype(np.float32)], [np.zeros(8, np.float32)])
    config = tiny_config(tracker_size=64, distil_batch=60, mirror=False)
    sure = [(0, f) for f in range(8)]
    reshaper = Reshaper.of(toy_prior(), 1.5)
    plain = draw_lesson(toy_footage(), labels, sure, TRIANGLE, config, 0)
    bent = draw_lesson(toy_footage(), labels, sure, TRIANGLE, config, 0, reshaper)
    seen = 0
    for picture, pose in zip(bent.crops, bent.keypoints, strict=True):
        if pose.any() and np.abs(pose).max() < 0.8 and np.ptp(pose, axis=0).max() > 0.6:
            assert np.linalg.norm(found_dots(picture) - pose, axis=1).max() < 3 / 64
            seen += 1
    assert seen > 5
    shapes = Shapes.of(as_complex(toy_prior().poses), list(TRIANGLE.flipped), 2)
    spreads = [
        shapes.read(as_complex(own.keypoints[own.size > 0]))[1].std() for own in (plain, bent)
    ]
    assert spreads[1] > spreads[0]
