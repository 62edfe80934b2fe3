import numpy as np

from engines import Skeleton
from realtime.canvas import Canvas
from realtime.frame import Frame, Pose, State
from realtime.trails import LONG_S, Trails

IMAGE = np.zeros((100, 200, 3), np.uint8)


def pose_at(x: float, id: int = 0, y: float = 50) -> Pose:
    points = np.float32([[x, y - 30], [x, y - 10], [x, y + 10], [x, y + 30]])
    return Pose(State.TRACK, None, points, points, np.ones(4, np.float32), id)


def frame_at(seconds: float) -> Frame:
    return Frame(IMAGE, round(seconds * 30), round(seconds * 1e9))


def drawn(trails: Trails, seconds: float) -> np.ndarray:
    canvas = Canvas(IMAGE)
    trails.draw(canvas, frame_at(seconds), scale=1.0)
    return canvas.picture


def followed(skeleton: Skeleton, end_s: float = 0.6, id: int = 0) -> Trails:
    trails = Trails(skeleton)
    for i in range(round(end_s * 30) + 1):
        trails.add(frame_at(i / 30), pose_at(20 + 100 * i / 30, id))
    return trails


def test_a_trail_leads_to_the_point_and_fades_with_age(mouse_skeleton: Skeleton) -> None:
    row = drawn(followed(mouse_skeleton), 0.6)[20].max(axis=1).astype(int)
    assert row[25] > 0
    assert row[76] > 0
    assert row[100:].max() == 0
    assert row[25] < row[50] < row[76]


def test_a_trail_has_its_length(mouse_skeleton: Skeleton) -> None:
    row = drawn(followed(mouse_skeleton, end_s=1.5), 1.5)[20].max(axis=1)
    there = np.flatnonzero(row)
    assert there.max() - there.min() <= 100 * LONG_S + 4
    assert there.max() - there.min() >= 100 * LONG_S - 8


def test_a_subject_that_is_gone_leaves_none(mouse_skeleton: Skeleton) -> None:
    trails = followed(mouse_skeleton)
    trails.add(frame_at(0.7), Pose(State.SEARCH))
    assert drawn(trails, 0.7).any()
    trails.add(frame_at(0.6 + LONG_S + 0.1), Pose(State.SEARCH))
    assert not drawn(trails, 0.6 + LONG_S + 0.1).any()


def test_a_frame_seen_before_changes_nothing(mouse_skeleton: Skeleton) -> None:
    trails, again = followed(mouse_skeleton), followed(mouse_skeleton)
    again.add(frame_at(0.6), pose_at(190))
    again.add(frame_at(0.2), pose_at(190))
    np.testing.assert_array_equal(drawn(trails, 0.6), drawn(again, 0.6))
    assert (drawn(trails, 0.3) != drawn(trails, 0.6)).any()  # in a pause: up to the frame shown


def test_subjects_have_trails_of_their_own(mouse_skeleton: Skeleton) -> None:
    trails = Trails(mouse_skeleton)
    for i in range(10):
        one, other = pose_at(20 + i), pose_at(180 - i, id=7)
        both = Pose(one.state, None, one.raw_px, one.keypoints_px, one.confidence, 0, (other,))
        trails.add(frame_at(i / 30), both)
    row = drawn(trails, 9 / 30)[20].max(axis=1)
    assert row[20:29].any()
    assert row[172:180].any()
    assert not row[40:160].any()  # nothing joins them
