import numpy as np
from browsing import read_pose

from engines import Roi
from realtime.browser.message import picture_message, pose_message
from realtime.frame import Frame, Pose, State


def subject(number: int, points: int = 3) -> Pose:
    rng = np.random.default_rng(number)
    raw, smooth = rng.uniform(0, 600, (2, points, 2)).astype(np.float32)
    sure = rng.uniform(0, 1, points).astype(np.float32)
    return Pose(State.COAST, Roi(1.5, 2.5, 99.25, 0.5), raw, smooth, sure, id=number)


FRAME = Frame(np.zeros((48, 64, 3), np.uint8), 2**40 + 1, 123_456_789_012, dropped=7)


def test_a_pose_is_read_back_as_the_layout_says() -> None:
    first, second = subject(0), subject(41)
    whole = Pose(
        first.state, first.roi, first.raw_px, first.keypoints_px, first.confidence, 0, (second,)
    )
    found = read_pose(pose_message(FRAME, whole, 2**31 + 5, 12.5))
    assert (found["kind"], found["state"], found["sequence"]) == (1, 2, 2**31 + 5)
    assert (found["width"], found["height"], found["points"]) == (64, 48, 3)
    assert (found["frame"], found["dropped"], found["age_ms"]) == (2**40 + 1, 7, 12.5)
    assert found["time_ms"] == 123_456.789012
    assert [own["id"] for own in found["subjects"]] == [0, 41]
    for own, pose in zip(found["subjects"], (first, second), strict=True):
        assert own["roi"] == (1.5, 2.5, 99.25, 0.5)
        np.testing.assert_array_equal(own["raw"], pose.raw_px)
        np.testing.assert_array_equal(own["keypoints"], pose.keypoints_px)
        np.testing.assert_array_equal(own["confidence"], pose.confidence)


def test_nothing_found_is_a_message_too() -> None:
    found = read_pose(pose_message(FRAME, Pose(State.SEARCH), 1, 0.0))
    assert (found["state"], found["count"], found["points"], found["subjects"]) == (0, 0, 0, [])


def test_the_subject_followed_may_be_lost_and_others_seen() -> None:
    found = read_pose(pose_message(FRAME, Pose(State.COAST, others=(subject(3),)), 1, 0.0))
    assert [own["id"] for own in found["subjects"]] == [3]


def test_no_more_subjects_than_the_count_can_say() -> None:
    many = Pose(State.TRACK, others=tuple(subject(n, 1) for n in range(300)))
    assert len(read_pose(pose_message(FRAME, many, 1, 0.0))["subjects"]) == 255


def test_a_subject_without_a_region_has_none() -> None:
    own = subject(1)
    bare = Pose(State.TRACK, None, None, own.keypoints_px, own.confidence)
    (found,) = read_pose(pose_message(FRAME, bare, 1, 0.0))["subjects"]
    assert np.isnan(found["roi"]).all()
    np.testing.assert_array_equal(found["raw"], own.keypoints_px)


def test_a_picture_follows_its_sequence() -> None:
    message = picture_message(b"\xff\xd8 and so on", 2**32 - 1)
    assert message[:8] == b"\x02\x00\x00\x00\xff\xff\xff\xff"
    assert message[8:] == b"\xff\xd8 and so on"
