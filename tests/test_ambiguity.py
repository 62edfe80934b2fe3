import logging
from dataclasses import replace

import numpy as np
import pytest
from toy import TRIANGLE, triangles

from engines import Roi, Skeleton
from engines.geometry import to_crop, to_frame
from engines.lookalikes import Reading, lookalikes, read
from train.ambiguity import LEAST_WALK, _smoothest, _steps, settled
from train.pseudo import PseudoLabels
from train.videos import Clip, Footage

BODY = 40.0  # pixels from tail base to snout
TURNED, SWAPPED = Reading(turned=True), Reading(swapped=True)
EMPTY = np.zeros((4, 4, 3), np.uint8)


def walk(count: int, *, step_px: float = 4.0, turn: float = 0.05) -> np.ndarray:
    """(N, 4, 2) a mouse that walks along an arc, snout first where step_px is positive."""
    angle = 0.3 + turn * np.arange(count)
    ahead = np.stack([np.cos(angle), np.sin(angle)], -1)  # (N, 2)
    aside = np.stack([-np.sin(angle), np.cos(angle)], -1)
    middle = 300 + np.cumsum(step_px * ahead, axis=0)
    along, across = np.array([0.5, 0.3, 0.3, -0.5]), np.array([0, -0.15, 0.15, 0])
    shape = along[:, None] * ahead[:, None] + across[:, None] * aside[:, None]
    return (middle[:, None] + BODY * shape).astype(np.float32)


def stored(truth: np.ndarray, numbers: list[int] | None = None) -> tuple[Clip, np.ndarray]:
    """The clip of poses in video pixels as training keeps it, and the poses in its pixels."""
    places = [Roi.around(pose, 2.0) for pose in truth]
    rois = [Roi(30.0, 28.0, 50.0)] * len(truth)
    kept = [to_frame(to_crop(p, a), b) for p, a, b in zip(truth, places, rois, strict=True)]
    every = list(range(len(truth))) if numbers is None else numbers
    return Clip("c", [EMPTY] * len(truth), rois, places, every), np.stack(kept)


def labels(*points: np.ndarray) -> PseudoLabels:
    return PseudoLabels(list(points), [np.zeros(len(own), np.float32) for own in points])


def misread(
    points: np.ndarray, frames: list[int], reading: Reading, skeleton: Skeleton
) -> np.ndarray:
    wrong = points.copy()
    wrong[frames] = read(points[frames], reading, skeleton)
    return wrong


def check(found: PseudoLabels, *truth: np.ndarray) -> None:
    for points, own in zip(found.points_px, truth, strict=True):
        assert points.dtype == np.float32
        np.testing.assert_allclose(points, own, atol=1e-2)


@pytest.mark.parametrize("reading", [TURNED, SWAPPED, Reading(swapped=True, turned=True)])
def test_labels_that_flicker_are_made_smooth(reading: Reading, mouse_skeleton: Skeleton) -> None:
    clip, points = stored(walk(120))
    wrong = misread(points, [3, 4, 50, *range(70, 119)], reading, mouse_skeleton)
    check(settled(labels(wrong), Footage((clip,)), mouse_skeleton), points)


def test_a_mouse_that_never_moves_keeps_what_most_labels_say(mouse_skeleton: Skeleton) -> None:
    clip, points = stored(walk(50, step_px=0, turn=0))
    wrong = misread(points, list(range(20)), TURNED, mouse_skeleton)
    check(settled(labels(wrong), Footage((clip,)), mouse_skeleton), points)


def test_a_clip_that_walks_tail_first_is_turned_round(
    mouse_skeleton: Skeleton, caplog: pytest.LogCaptureFixture
) -> None:
    clip, points = stored(walk(60))
    wrong = misread(points, list(range(60)), TURNED, mouse_skeleton)
    with caplog.at_level(logging.INFO):
        check(settled(labels(wrong), Footage((clip,)), mouse_skeleton), points)
    assert "60 of 60 labels read otherwise" in caplog.text
    assert "head first: 100 % of the way; as the teacher had it, 0 %" in caplog.text


def test_direction_is_taken_in_the_videos_pixels(mouse_skeleton: Skeleton) -> None:
    """In the kept crops, where the subject is always in the middle, nothing moves at all."""
    clip, points = stored(walk(60, turn=0))
    wrong = misread(points, list(range(60)), TURNED, mouse_skeleton)
    blind = Footage((replace(clip, places=[]),))
    check(settled(labels(wrong), blind, mouse_skeleton), wrong)
    check(settled(labels(wrong), Footage((clip,)), mouse_skeleton), points)


def test_a_few_steps_back_do_not_turn_a_clip(mouse_skeleton: Skeleton) -> None:
    ahead, back = walk(60, turn=0), walk(20, step_px=-4, turn=0)
    truth = np.concatenate([ahead, back + (ahead[-1] - back[0])])
    clip, points = stored(truth)
    check(settled(labels(points), Footage((clip,)), mouse_skeleton), points)


def test_each_stretch_between_breaks_is_decided_for_itself(mouse_skeleton: Skeleton) -> None:
    """Frames are missing, then the subject jumps elsewhere; the teacher errs in the middle."""
    one, two, three = walk(30), walk(30) + np.float32([500, 0]), walk(30) + np.float32([0, 400])
    numbers = [*range(30), *range(130, 190)]
    clip, points = stored(np.concatenate([one, two, three]), numbers)
    wrong = misread(points, list(range(30, 60)), TURNED, mouse_skeleton)
    check(settled(labels(wrong), Footage((clip,)), mouse_skeleton), points)


def test_a_stretch_that_hardly_moves_goes_with_the_others(mouse_skeleton: Skeleton) -> None:
    slow = walk(20, step_px=-0.5 * LEAST_WALK * BODY / 20)
    moving, points = stored(walk(60))
    resting, still = stored(slow)
    footage = Footage((resting, moving))
    check(settled(labels(still, points), footage, mouse_skeleton), still, points)
    both = [misread(p, list(range(len(p))), TURNED, mouse_skeleton) for p in (still, points)]
    check(settled(labels(*both), footage, mouse_skeleton), still, points)


def test_labels_without_sense_stay_and_do_not_confuse_the_others(mouse_skeleton: Skeleton) -> None:
    clip, points = stored(walk(60))
    wrong = misread(points, [10, 11], TURNED, mouse_skeleton)
    wrong[30] = 7.0
    doubt = np.zeros(60, np.float32)
    doubt[30] = np.inf
    found = settled(PseudoLabels([wrong], [doubt]), Footage((clip,)), mouse_skeleton)
    assert (found.points_px[0][30] == 7.0).all()
    others = np.arange(60) != 30
    check(PseudoLabels([found.points_px[0][others]], []), points[others])
    assert found.doubt[0] is doubt
    hopeless = PseudoLabels([wrong], [np.full(60, np.inf, np.float32)])
    check(settled(hopeless, Footage((clip,)), mouse_skeleton), wrong)


def test_upright_subjects_are_never_turned_and_their_sides_only_when_they_flicker() -> None:
    rng = np.random.default_rng(0)
    drift = np.linspace(0, 60, 30)[:, None, None].astype(np.float32)
    truth = (triangles(1, rng) * 30 + 40 + drift + rng.normal(0, 0.3, (30, 3, 2))).astype(
        np.float32
    )
    rois = [Roi(50, 50, 100)] * 30
    clip = Clip("c", [EMPTY] * 30, rois, rois, list(range(30)))
    upside_down = 2 * truth.mean(axis=1, keepdims=True) - truth
    for own in (truth, upside_down):
        check(settled(labels(own), Footage((clip,)), TRIANGLE), own)
    check(
        settled(labels(misread(truth, [5], SWAPPED, TRIANGLE)), Footage((clip,)), TRIANGLE), truth
    )


def test_one_reading_leaves_the_labels_alone(mouse_skeleton: Skeleton) -> None:
    plain = replace(mouse_skeleton, mirror=(), forward=None)
    own = labels(walk(5))
    assert settled(own, Footage((stored(walk(5))[0],)), plain) is own


def test_the_smoothest_sequence_is_the_cheapest_of_all(mouse_skeleton: Skeleton) -> None:
    """Against trying every one of the 4^5 sequences on poses that are nothing alike."""
    pose = np.random.default_rng(0).normal(0, 9, (5, 4, 2))
    poses = lookalikes(pose, mouse_skeleton)
    every = np.stack(np.meshgrid(*[range(4)] * 5, indexing="ij"), -1).reshape(-1, 5)
    taken = poses[every, np.arange(5)]  # (4^5, 5, K, 2)
    costs = np.linalg.norm(np.diff(taken, axis=1), axis=-1).sum(axis=(1, 2))
    # the cost of a sequence and of the same, read otherwise throughout, count together
    together = sum(costs[np.ravel_multi_index((every ^ g).T, (4,) * 5)] for g in range(4))
    best = every[np.flatnonzero(together < together.min() + 1e-9)]
    assert len(best) == 4
    plainest = best[np.argmax((best == 0).sum(axis=1))]
    found = _smoothest(_steps(poses))
    assert (found == 0).sum() == (plainest == 0).sum()
    assert any(np.array_equal(found, own) for own in best)
    np.testing.assert_array_equal(_smoothest(np.zeros((4, 0))), [0])
