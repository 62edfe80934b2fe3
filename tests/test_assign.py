import numpy as np

from engines import Roi
from realtime.assign import assign
from realtime.look import Look

A, B, C = Roi(100, 100, 80), Roi(160, 100, 80), Roi(300, 100, 80)


def find(place: Roi, score: float = 0.9) -> Look:
    points = np.zeros((4, 2), np.float32)
    return Look(place, points, np.ones(4, np.float32), score, place)


def test_who_stays_keeps_their_own() -> None:
    finds = [find(A), find(B), find(C)]
    assert assign([A, B, C], finds) == finds


def test_who_jumped_to_each_other_change_back() -> None:
    to_a, to_b = find(A), find(B)
    assert assign([A, B], [to_b, to_a]) == [to_a, to_b]


def test_of_two_finds_of_one_subject_the_surer_goes_to_the_nearest() -> None:
    near, sure = find(Roi(103, 100, 80), 0.7), find(Roi(105, 101, 80), 0.8)
    assert assign([A, B], [near, sure]) == [sure, None]
    assert assign([B, A], [near, sure]) == [None, sure]


def test_who_was_not_found_leaves_the_others_alone() -> None:
    b = find(B)
    assert assign([A, B], [None, b]) == [None, b]
    assert assign([A], [None]) == [None]
    assert assign([], []) == []


def test_nobody_is_taken_for_somebody_far_away() -> None:
    a = find(A)
    assert assign([C], [a]) == [None]
    assert assign([C, B], [a, None]) == [None, a]
