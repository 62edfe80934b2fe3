"""Several subjects at once: bright squares of `boxes.py`."""

import numpy as np
import pytest
from boxes import CARD, FRAME_NS, box, found_at, frames, same, see

from engines import DataError, Prediction
from engines.fake import FakeEngine
from engines.geometry import Image, Points
from realtime.frame import Frame, Pose, State
from realtime.searcher import ASIDE_CROPS, REFINEMENTS, SEARCH_CROPS
from realtime.tracker import MOST_SUBJECTS, Tracker


def nearest(crops: Image) -> Prediction:
    """As `see`, of the square nearest to the middle of each crop."""
    alone = np.zeros_like(crops)
    for crop, own in zip(crops, alone, strict=True):
        labels, most = _pieces(crop)
        if most:
            middles = [np.argwhere(labels == n).mean(axis=0) for n in range(1, most + 1)]
            away = [float(np.abs(middle - len(crop) / 2).max()) for middle in middles]
            own[labels == 1 + int(np.argmin(away))] = 220
    return see(alone)


def _pieces(crop: Image) -> tuple[Image, int]:
    import cv2

    count, labels = cv2.connectedComponents((crop[..., 0] > 100).astype(np.uint8))
    return np.asarray(labels), count - 1


def several(most: int) -> tuple[Tracker, FakeEngine]:
    engine = FakeEngine(CARD, nearest)
    return Tracker(engine, smooth=False, max_subjects=most), engine


def boxes(*places: tuple[float, float], side: int = 60) -> Image:
    image = np.zeros((480, 640, 3), np.uint8)
    for x, y in places:
        image |= box(x, y, side)
    return image


def middle(pose: Pose) -> Points:
    assert pose.raw_px is not None
    return np.asarray(pose.raw_px.mean(axis=0), np.float32)


def at(pose: Pose) -> dict[int, tuple[int, int]]:
    """Id -> the top left corner of its square, to the nearest 20 pixels."""
    return {
        own.id: (int(x - 30 + 10) // 20 * 20, int(y - 30 + 10) // 20 * 20)
        for own in pose.subjects
        for x, y in [middle(own).tolist()]
    }


def last(tracker: Tracker, images: list[Image], first: int = 0) -> Pose:
    return [tracker.track(frame) for frame in frames(images, first)][-1]


def test_all_are_found_and_each_has_an_id_of_its_own() -> None:
    tracker, _ = several(3)
    pose = last(tracker, [boxes((60, 60), (400, 100), (200, 360))] * 80)
    assert sorted(at(pose)) == [0, 1, 2]
    assert sorted(at(pose).values()) == [(60, 60), (200, 360), (400, 100)]
    assert pose.id == 0
    assert [own.id for own in pose.others] == [1, 2]


def test_no_more_are_followed_than_were_asked_for() -> None:
    tracker, engine = several(2)
    image = boxes((60, 60), (400, 100), (200, 360))
    assert len(last(tracker, [image] * 80).subjects) == 2
    calls = engine.calls
    last(tracker, [image] * 20, first=80)
    assert engine.calls == calls + 20  # one run for both, and no search


def test_one_of_several_is_followed_as_it_is_alone() -> None:
    """As long as another is not there, the first one's poses are those of a tracker of one."""
    one, _ = several(1)
    two, _ = several(2)
    for frame in frames([boxes((200 + 4 * i, 150 + 2 * i)) for i in range(40)]):
        alone, first = one.track(frame), two.track(frame)
        assert same(alone, first)
        assert first.others == ()


def test_ids_stay_while_all_move() -> None:
    tracker, _ = several(2)
    begin = last(tracker, [boxes((60, 60), (400, 300))] * 40)
    moved = [boxes((60 + 5 * i, 60), (400 - 5 * i, 300)) for i in range(60)]
    end = last(tracker, moved, first=40)
    left = next(number for number, place in at(begin).items() if place == (60, 60))
    assert at(end)[left] == pytest.approx((355, 60), abs=12)
    assert at(end)[1 - left] == pytest.approx((105, 300), abs=12)


def passing(x: float, y: float, still: tuple[float, float]) -> Image:
    """A square with a dark rim in front of another."""
    image = boxes(still)
    image[round(y) - 8 : round(y) + 68, round(x) - 8 : round(x) + 68] = 0
    return image | box(x, y)


@pytest.mark.parametrize("y", [200, 180])
def test_who_is_covered_and_comes_out_again_keeps_the_id(y: int) -> None:
    """One passes in front of the other, which stays where it is."""
    tracker, _ = several(2)
    still = (300, 200)
    begin = last(tracker, [passing(60, y, still)] * 40)
    walker = next(number for number, place in at(begin).items() if place == (60, y))
    walk = [passing(60 + 8 * i, y, still) for i in range(61)]
    poses = [tracker.track(frame) for frame in frames(walk, first=40)]
    assert any(len(pose.subjects) == 1 for pose in poses)
    assert sum(walker not in at(pose) for pose in poses) <= 4
    end = last(tracker, [walk[-1]] * 40, first=101)
    assert at(end) == {walker: (540, y), 1 - walker: still}


def test_who_was_lost_gets_the_id_back_near_where_that_was() -> None:
    tracker, _ = several(2)
    begin = last(tracker, [boxes((60, 60), (400, 300))] * 40)
    right = next(number for number, place in at(begin).items() if place == (400, 300))
    gone = last(tracker, [boxes((60, 60))] * 20, first=40)
    assert list(at(gone)) == [1 - right]
    back = last(tracker, [boxes((60, 60), (420, 320))] * 60, first=60)
    assert at(back)[right] == (420, 320)


def test_the_first_pose_is_one_that_was_found() -> None:
    tracker, _ = several(2)
    last(tracker, [boxes((60, 60), (400, 300))] * 40)
    coasting = last(tracker, [boxes((400, 300))], first=40)
    assert (coasting.state, tracker.state) == (State.TRACK, State.TRACK)
    assert coasting.raw_px is not None
    assert [own.state for own in coasting.others] == [State.COAST]
    assert len(coasting.subjects) == 1
    none = last(tracker, [boxes()] * 30, first=41)
    assert (none.state, none.id, none.others) == (State.SEARCH, 0, ())


def test_two_never_follow_one() -> None:
    tracker, _ = several(3)
    for frame in frames([boxes((200 + 3 * i, 150)) for i in range(60)]):
        assert len(tracker.track(frame).subjects) <= 1


def test_work_is_bounded_while_some_are_followed_and_others_looked_for() -> None:
    batches: list[int] = []

    def answer(crops: Image) -> Prediction:
        batches.append(len(crops))
        return nearest(crops)

    tracker = Tracker(FakeEngine(CARD, answer), max_subjects=4)
    for frame in frames([boxes((60, 60), (400, 300))] * 60):
        batches.clear()
        pose = tracker.track(frame)
        found = len(pose.subjects)
        bound = found + 1 + ASIDE_CROPS if found > 1 else 1 + SEARCH_CROPS
        assert sum(batches) <= bound + REFINEMENTS + 1
    assert found == 2


def test_reset_equals_a_fresh_tracker_of_several() -> None:
    used, _ = several(2)
    last(used, [boxes((60 + 3 * i, 60), (400, 300)) for i in range(30)])
    used.reset()
    fresh, _ = several(2)
    for index in range(30):
        frame = Frame(boxes((300, 40 + 4 * index), (20, 300)), index, index * FRAME_NS)
        one, other = used.track(frame), fresh.track(frame)
        assert same(one, other)
        assert all(same(a, b) for a, b in zip(one.others, other.others, strict=True))


@pytest.mark.parametrize("most", [0, -1, MOST_SUBJECTS + 1, 2.0, True])
def test_a_number_that_cannot_be_followed_is_refused(most: int) -> None:
    with pytest.raises(DataError, match="subjects cannot be followed; name a number from 1 to 16"):
        several(most)


def test_found_places_are_those_of_the_squares() -> None:
    tracker, _ = several(2)
    pose = last(tracker, [boxes((60, 60), (400, 300))] * 40)
    places = at(pose)
    for own in pose.subjects:
        assert found_at(own, *places[own.id])
