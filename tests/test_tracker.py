import numpy as np
import pytest
from boxes import CARD, CORNERS, FRAME_NS, box, found_at, frames, make, same, see

from engines import DataError, EngineError, Prediction, Roi, load
from engines.geometry import Image
from realtime.follower import COAST_FRAMES, ENTER, LEAVE
from realtime.frame import Frame, State
from realtime.searcher import REFINEMENTS, SEARCH_CROPS
from realtime.smoothing import OneEuro, Smoothing
from realtime.tracker import PATIENCE, Tracker


@pytest.mark.parametrize("side", [40, 60, 120, 240])
@pytest.mark.parametrize("at", [(5, 5), (230, 170), (390, 230)])
def test_finds_the_subject_within_one_sweep(at: tuple[int, int], side: int) -> None:
    tracker, _ = make()
    poses = [tracker.track(frame) for frame in frames([box(*at, side)] * 13)]
    assert poses[-1].state is State.TRACK
    assert found_at(poses[-1], *at, side)
    assert poses[-1].roi is not None
    assert poses[-1].roi.size == pytest.approx(CARD.margin * side, rel=0.1)


def test_follows_a_moving_subject_with_one_crop_per_frame() -> None:
    tracker, engine = make()
    path = [(200 + 6 * i, 100 + 4 * i) for i in range(40)]
    images = [box(x, y) for x, y in path]
    while tracker.track(Frame(images[0], 0, 0)).state is not State.TRACK:
        pass
    calls = engine.calls
    for frame, (x, y) in zip(frames(images), path, strict=True):
        pose = tracker.track(frame)
        assert pose.state is State.TRACK
        assert found_at(pose, x, y)
    assert engine.calls == calls + len(images)


def test_the_pose_is_where_it_was_looked_for_and_smoothed_towards_the_raw_one() -> None:
    tracker, _ = make()
    poses = [tracker.track(f) for f in frames([box(200, 200)] * 12 + [box(215, 200)])]
    before, after = poses[-2], poses[-1]
    assert before.keypoints_px is not None
    assert after.keypoints_px is not None
    assert after.raw_px is not None
    x = [points[:, 0].mean() for points in (before.keypoints_px, after.keypoints_px, after.raw_px)]
    assert x == sorted(x)
    assert x[0] < x[1] < x[2]


def test_raw_points_pass_unchanged_without_smoothing() -> None:
    tracker, _ = make(smooth=False)
    for frame in frames([box(200 + 5 * i, 200) for i in range(15)]):
        pose = tracker.track(frame)
        if pose.raw_px is not None:
            np.testing.assert_array_equal(pose.keypoints_px, pose.raw_px)
    assert pose.state is State.TRACK


def test_coasts_over_a_short_absence() -> None:
    tracker, engine = make()
    for frame in frames([box(300, 200)] * 13):
        tracker.track(frame)
    calls = engine.calls
    for frame in frames([box(-1, 0)] * COAST_FRAMES, first=13):
        pose = tracker.track(frame)
        assert (pose.state, pose.roi, pose.raw_px) == (State.COAST, None, None)
    assert engine.calls == calls + COAST_FRAMES + (COAST_FRAMES - PATIENCE)  # which search, too
    pose = tracker.track(frames([box(310, 205)], first=13 + COAST_FRAMES)[0])
    assert pose.state is State.TRACK
    assert found_at(pose, 310, 205)


def test_searches_after_a_long_absence_and_finds_the_subject_elsewhere() -> None:
    tracker, _ = make()
    images = [box(300, 200)] * 13 + [box(-1, 0)] * (COAST_FRAMES + 1) + [box(20, 400)] * 13
    poses = [tracker.track(frame) for frame in frames(images)]
    assert poses[12 + COAST_FRAMES].state is State.COAST
    assert poses[13 + COAST_FRAMES].state is State.SEARCH
    assert poses[-1].state is State.TRACK
    assert found_at(poses[-1], 20, 400)


def test_takes_up_above_enter_and_follows_down_to_leave() -> None:
    level = 0.0

    def answer(crops: Image) -> Prediction:
        prediction = see(crops)
        return Prediction(prediction.keypoints, np.full_like(prediction.confidence, level))

    tracker, _ = make(answer)
    between = (ENTER + LEAVE) / 2
    expected = [
        (between, State.SEARCH),
        (ENTER + 0.01, State.TRACK),
        (between, State.TRACK),
        (LEAVE - 0.01, State.COAST),
        (between, State.COAST),
        (ENTER + 0.01, State.TRACK),
    ]
    for index, (mean, state) in enumerate(expected):
        level = mean
        frame = Frame(box(200, 120, 240), index, index * FRAME_NS)
        assert tracker.track(frame).state is state


def test_a_jump_to_another_thing_is_not_followed() -> None:
    elsewhere = False

    def answer(crops: Image) -> Prediction:
        keypoints, confidence = see(crops)
        return Prediction(keypoints + (0.9 if elsewhere else 0.0), confidence)

    tracker, _ = make(answer)
    for frame in frames([box(300, 200)] * 13):
        assert tracker.track(frame).state in (State.SEARCH, State.TRACK)
    elsewhere = True
    assert tracker.track(frames([box(300, 200)], first=13)[0]).state is State.COAST


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize("part", [0, 1])
def test_numbers_that_are_none_are_never_found(broken: float, part: int) -> None:
    def answer(crops: Image) -> Prediction:
        arrays = [np.zeros((len(crops), 4, 2), np.float32), np.ones((len(crops), 4), np.float32)]
        arrays[part][:, 0] = broken
        return Prediction(arrays[0], arrays[1])

    tracker, _ = make(answer)
    for frame in frames([box(300, 200)] * 3):
        assert tracker.track(frame).raw_px is None


def test_a_collapsed_pose_is_never_found() -> None:
    def answer(crops: Image) -> Prediction:
        shape = (len(crops), 4)
        return Prediction(np.zeros((*shape, 2), np.float32), np.ones(shape, np.float32))

    tracker, _ = make(answer)
    assert all(tracker.track(f).raw_px is None for f in frames([box(300, 200)] * 15))


def test_a_pose_outside_the_picture_is_never_found() -> None:
    corner = CORNERS - 0.5  # fills the crop as in training, three quarters of it off the frame

    def answer(crops: Image) -> Prediction:
        if crops.max() > 100:
            return see(crops)
        return Prediction(np.stack([corner] * len(crops)), np.ones((len(crops), 4), np.float32))

    tracker, _ = make(answer)
    for frame in frames([box(0, 0, 100)] * 13):
        assert tracker.track(frame).raw_px is None or tracker.state is State.TRACK
    tracker._followers[0].roi = Roi(-20.0, -20.0, 100.0)
    assert tracker.track(frames([box(-1, 0)], first=13)[0]).raw_px is None


def test_work_per_frame_is_bounded_and_batches_are_few() -> None:
    batches: list[int] = []

    def answer(crops: Image) -> Prediction:
        batches.append(len(crops))
        prediction = see(crops)
        return Prediction(prediction.keypoints, np.full_like(prediction.confidence, LEAVE + 0.01))

    tracker, _ = make(answer)
    for frame in frames([box(300, 200)] * 20):
        batches.clear()
        tracker.track(frame)
        assert sum(batches) <= SEARCH_CROPS + REFINEMENTS
        assert set(batches) <= {1, SEARCH_CROPS}


def test_buffers_are_allocated_once_and_the_engine_is_warm_before_the_first_frame() -> None:
    seen: set[int] = set()

    def answer(crops: Image) -> Prediction:
        seen.add(crops.ctypes.data)
        return see(crops)

    tracker, engine = make(answer)
    warm, calls = set(seen), engine.calls
    assert (len(warm), calls) == (1, 3)
    for frame in frames([box(300, 200)] * 13 + [box(-1, 0)] * 10):
        tracker.track(frame)
    assert seen == warm


def test_reset_equals_a_fresh_tracker() -> None:
    used, _ = make()
    for frame in frames([box(300 + 3 * i, 200) for i in range(16)] + [box(-1, 0)] * 2):
        used.track(frame)
    used.reset()
    fresh, _ = make()
    assert used.state is fresh.state is State.SEARCH
    assert used.stages == fresh.stages
    later = [box(20, 100 + 5 * i, 80) for i in range(25)] + [box(-1, 0)] * 9 + [box(400, 90)] * 12
    for frame in frames(later, first=3):
        assert same(used.track(frame), fresh.track(frame))


def test_stages_are_those_of_the_last_call() -> None:
    tracker, _ = make()
    for frame in frames([box(300, 200)] * 13):
        tracker.track(frame)
        assert list(tracker.stages) == ["crop", "infer", "track"]
        assert all(milliseconds >= 0 for milliseconds in tracker.stages.values())


def test_the_frame_may_change_its_size() -> None:
    tracker, _ = make()
    for frame in frames([box(300, 200)] * 13):
        tracker.track(frame)
    small = [box(20, 20, 40, (160, 120))] * (COAST_FRAMES + 14)
    poses = [tracker.track(frame) for frame in frames(small, first=13)]
    assert poses[-1].state is State.TRACK
    assert found_at(poses[-1], 20, 20, 40)


def test_errors_of_engine_and_frame_reach_the_caller() -> None:
    def fail(crops: Image) -> Prediction:
        if crops.any():
            raise EngineError("the device is gone")
        return see(crops)

    tracker, _ = make(fail)
    with pytest.raises(EngineError, match="the device is gone"):
        tracker.track(Frame(box(300, 200), 0, 0))
    with pytest.raises(DataError):
        tracker.track(Frame(np.zeros((4, 4, 1), np.uint8), 0, 0))


def test_works_with_a_real_engine(blob_path: object) -> None:
    engine = load(str(blob_path))
    tracker = Tracker(engine)
    for frame in frames([box(300, 200, 40)] * 5):
        pose = tracker.track(frame)
    engine.close()
    assert pose.state is State.TRACK
    assert pose.raw_px is not None
    np.testing.assert_allclose(pose.raw_px.mean(axis=0), (319.5, 219.5), atol=2)
    assert isinstance(pose.roi, Roi)


def test_sides_that_flicker_do_not_in_the_pose() -> None:
    """In every third frame the network takes left for right, confidence and all."""
    calls = 0

    def flickering(crops: Image) -> Prediction:
        nonlocal calls
        calls += 1
        keypoints, confidence = see(crops)
        if calls % 3 == 0:
            keypoints = keypoints[:, [0, 2, 1, 3]]
        return Prediction(keypoints, confidence)

    tracker, _ = make(flickering)
    found = [tracker.track(f) for f in frames([box(200 + i, 150) for i in range(40)])]
    tracked = [pose for pose in found if pose.state is State.TRACK and pose.raw_px is not None]
    assert len(tracked) > 25
    ears = np.array([pose.raw_px[2] - pose.raw_px[1] for pose in tracked])  # CORNERS: down
    assert (ears[:, 1] * ears[0, 1] > 0).all()
    tracker.reset()
    assert tracker.track(frames([box(-1, 0)])[0]).raw_px is None


def test_place_and_points_are_filtered_as_if_each_alone() -> None:
    """Two filters of their own, fed with the raw points, give the next roi and the keypoints."""
    tracker, _ = make()
    points, place = OneEuro(), OneEuro()
    due: Roi | None = None
    for frame in frames([box(200 + 7 * i, 150 + 3 * i, 60 + 2 * i) for i in range(25)]):
        pose = tracker.track(frame)
        if pose.raw_px is None:
            continue
        if due is not None:
            assert pose.roi == due
        own = Roi.around(pose.raw_px, CARD.margin)
        time_s, body_px = frame.time_ns / 1e9, own.size / CARD.margin
        smoothed = points.update(pose.raw_px, time_s, body_px, pose.confidence)
        np.testing.assert_array_equal(pose.keypoints_px, smoothed)
        square = np.float32([[own.x, own.y], [own.size, 0]])
        (x, y), (size, _) = place.update(square, time_s, body_px).tolist()
        due = Roi(x, y, size)
    assert due is not None


def test_smoothing_is_set_for_the_next_frame_and_outlasts_a_reset() -> None:
    tracker, _ = make()
    assert tracker.smoothing == Smoothing()
    trailing = []
    for own in (Smoothing(min_cutoff_hz=0.5, beta=0.0), Smoothing(min_cutoff_hz=1e6)):
        tracker.smoothing = own
        tracker.reset()
        assert tracker.smoothing == own
        for frame in frames([box(200, 200)] * 12 + [box(215, 200)]):
            pose = tracker.track(frame)
        assert pose.raw_px is not None
        assert pose.keypoints_px is not None
        trailing.append(float(np.abs(pose.raw_px - pose.keypoints_px).max()))
    assert trailing[0] > 5
    assert trailing[1] < 0.1
