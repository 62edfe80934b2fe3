from dataclasses import replace
from itertools import pairwise
from math import pi

import numpy as np
import pytest

from engines import Roi, Skeleton
from engines.geometry import Points, to_frame
from realtime.follower import (
    COAST_FRAMES,
    COAST_GROWTH,
    DIFFER,
    ENTER,
    FIRST_CHECK,
    LEAVE,
    OFTEN,
    RARELY,
    STRIKES,
    SURE,
    Follower,
    agree,
    perturbed,
)
from realtime.frame import State
from realtime.look import Look

FACE = Skeleton.load("face68")
SHAPE = np.random.default_rng(0).uniform(-0.5, 0.5, (68, 2)).astype(np.float32)


def look(place: Roi, score: float = 0.9, shape: Points = SHAPE) -> Look:
    """Found in `place`, which is also the square round it."""
    return Look(place, to_frame(shape, place), np.full(68, score, np.float32), score, place)


def follower(number: int = 0) -> Follower:
    return Follower(number, FACE, 2.0, smooth=False)


def take(own: Follower, place: Roi, frames: int = 1, score: float = 0.9) -> None:
    for _ in range(frames):
        own.take(look(place, score), own.missed)


def test_it_looks_where_its_subject_was_and_wider_while_it_is_missed() -> None:
    own, place = follower(3), Roi(100, 80, 60, 0.5)
    assert own.take(look(place), 0.0).id == 3
    assert own.where.distance(place) < 1e-3
    assert own.where.angle == pytest.approx(0.5)
    assert own.enough == LEAVE
    assert own.miss().state is State.COAST
    assert own.where.size == pytest.approx(place.size * COAST_GROWTH)
    assert own.enough == ENTER
    for _ in range(COAST_FRAMES):
        pose = own.miss()
    assert (pose.state, own.roi) == (State.SEARCH, None)
    assert own.place is not None
    assert own.place.distance(place) < 1e-3


def test_a_subject_that_turns_all_the_way_round_is_followed_over_the_top() -> None:
    """Where the angle goes from pi to -pi no turn the other way is seen."""
    own, angles = follower(), []
    for frame, turn in enumerate(np.linspace(0, 4 * pi, 200)):
        own.take(look(Roi(100, 100, 60, float((turn + pi) % (2 * pi) - pi))), frame / 30)
        assert own.roi is not None
        assert own.roi.size == pytest.approx(60, rel=0.02)
        angles.append(own.roi.angle)
    steps = np.angle(np.exp(1j * np.diff(angles)))
    assert (steps > -1e-6).all()
    assert steps.sum() == pytest.approx(4 * pi, abs=0.1)


def checks(own: Follower, frames: int, score: float = 0.9, gap: float = 0.0) -> list[int]:
    """Frames in which it was checked, by looks that lie `gap` squares beside the first."""
    due = []
    for frame in range(frames):
        if own.doubtful:
            own.check()
            due.append(frame)
            first = look(Roi(100, 100, 60), score)
            again = look(Roi(100 + 60 * gap, 100, 60), score)
            if not own.judge(first, again):
                break
        own.take(look(Roi(100, 100, 60), score), frame / 30)
    return due


def test_checks_that_agree_become_rare() -> None:
    waits = [b - a for a, b in pairwise(checks(follower(), 1000))]
    assert waits[0] == 2 * FIRST_CHECK
    assert waits == sorted(waits)
    assert set(waits[-4:]) == {RARELY}


def test_a_subject_that_is_not_sure_is_checked_often() -> None:
    waits = [b - a for a, b in pairwise(checks(follower(), 200, score=SURE - 0.1))]
    assert set(waits[3:]) == {OFTEN}


def test_checks_that_disagree_follow_each_other_and_end_it() -> None:
    due = checks(follower(), 100, gap=0.3)
    assert len(due) == STRIKES
    assert {b - a for a, b in pairwise(due)} == {FIRST_CHECK}


def test_one_check_that_disagrees_is_forgiven() -> None:
    own = follower()
    here, aside = look(Roi(100, 100, 60)), look(Roi(130, 100, 60))
    for _ in range(20):
        assert own.judge(here, aside)
        assert own.judge(here, here)


def test_checks_look_at_the_same_thing_otherwise_each_time() -> None:
    roi = Roi(100, 100, 60, 0.3)
    squares = [perturbed(roi, number) for number in range(4)]
    assert len({(own.x, own.y) for own in squares}) == 4
    assert {own.angle > roi.angle for own in squares} == {True, False}
    assert all(own.overlap(roi) > 0.5 and own.size > roi.size for own in squares)


def test_what_stays_in_the_frame_agrees_and_what_stays_in_the_crop_does_not() -> None:
    roi = Roi(100, 100, 60)
    for number in range(4):
        other = perturbed(roi, number)
        seen = look(roi)._replace(roi=other)
        assert agree(look(roi), seen, FACE)
        assert not agree(look(roi), seen._replace(score=LEAVE - 0.01), FACE)
        assert not agree(look(roi), look(other), FACE)


def test_ends_that_changed_places_agree_where_pictures_have_no_up(mouse_skeleton: Skeleton) -> None:
    shape = np.float32([[0, -0.5], [-0.2, -0.3], [0.2, -0.3], [0, 0.5]])
    points = to_frame(shape, Roi(100, 100, 60))
    one = Look(Roi(100, 100, 60), points, np.ones(4, np.float32), 1.0, Roi(100, 100, 60))
    swapped = one._replace(points_px=points[list(mouse_skeleton.flipped)])
    assert agree(one, swapped, mouse_skeleton)
    away = one._replace(points_px=points + np.float32(60 * DIFFER))
    assert not agree(one, away, mouse_skeleton)


def test_reset_forgets_all_but_the_last_place() -> None:
    own = follower()
    take(own, Roi(100, 100, 60), frames=5)
    own.reset()
    assert (own.state, own.roi, own.missed) == (State.SEARCH, None, 0)
    assert own.place is not None
    assert replace(own.place, x=0.0).size == own.place.size


def test_a_subject_is_expected_to_go_on_as_it_went() -> None:
    own = follower()
    for frame in range(30):
        own.take(look(Roi(100 + 6 * frame, 100 - 3 * frame, 60)), frame / 30)
    place = Roi(100 + 6 * 30, 100 - 3 * 30, 60)
    assert own.expected.distance(place) < 3
    own.miss()
    own.miss()
    assert own.expected.distance(Roi(place.x + 12, place.y - 6, 60)) < 5
    own.reset()
    own.take(look(Roi(300, 200, 60)), 2.0)
    assert own.expected.distance(Roi(300, 200, 60)) < 1e-3
