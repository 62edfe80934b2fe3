import json

import numpy as np
import pytest
from doubles import POINTS, FakeTracker, frames
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engines import DataError, Roi
from realtime.frame import Frame, Pose, State
from realtime.record import Record

points = arrays(np.float32, (POINTS, 2), elements=st.floats(-5000, 5000, width=32))


def line(**changes):
    table = json.loads(Record.of(frames(1)[0], FakeTracker().pose, 1.5).to_line())
    return json.dumps({**table, **changes}).encode() + b"\n"


def test_the_line_is_what_the_format_says():
    frame = Frame(frames(1)[0].image, 7, 123456789, 2)
    assert json.loads(Record.of(frame, FakeTracker().pose, 4.00049).to_line()) == {
        "frame": 7,
        "t": 123456789,
        "dropped": 2,
        "state": "track",
        "roi": [4, 5, 16, 0],
        "subjects": [
            {
                "id": 0,
                "keypoints_raw": [[1.0, 2.0], [3.25, 4.5], [5.12, 6.0], [7.0, 9.0]],
                "keypoints": [[2.0, 3.0], [4.25, 5.5], [6.12, 7.0], [8.0, 10.0]],
                "confidence": [1.0, 0.5, 0.25, 0.0],
            }
        ],
        "latency_ms": 4.0,
    }


def test_nothing_found_is_written_as_nothing():
    table = json.loads(Record.of(frames(1)[0], Pose(State.SEARCH), 0).to_line())
    assert (table["state"], table["roi"], table["subjects"]) == ("search", None, [])


@given(points, points, st.floats(-1e4, 1e4), st.floats(0.1, 1e4), st.floats(-3, 3))
def test_what_is_written_is_read(raw, smooth, x, size, angle):
    pose = Pose(State.COAST, Roi(x, x, size, angle), raw, smooth, raw[:, 0])
    written = Record.of(Frame(frames(1)[0].image, 3, 2**60, 1), pose, 12.5)
    read = Record.from_line(written.to_line(), POINTS)
    assert (read.frame, read.time_ns, read.dropped, read.state) == (3, 2**60, 1, State.COAST)
    assert read.latency_ms == 12.5
    [subject] = read.subjects
    assert np.allclose(subject.raw_px, raw, atol=0.006)
    assert np.allclose(subject.keypoints_px, smooth, atol=0.006)
    assert subject.raw_px.dtype == np.float32
    assert np.allclose(
        (read.roi.x, read.roi.size, read.roi.angle), (x, size, angle), rtol=0, atol=0.006
    )


def test_a_point_that_is_no_number_is_null_and_comes_back_as_missing():
    pose = FakeTracker().pose
    pose.raw_px[1] = np.nan, np.inf
    text = Record.of(frames(1)[0], pose, 0).to_line()
    assert b"NaN" not in text
    assert b"Infinity" not in text
    assert json.loads(text)["subjects"][0]["keypoints_raw"][1] == [None, None]
    assert np.isnan(Record.from_line(text, POINTS).subjects[0].raw_px[1]).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame": -1}, "-1 is not a whole number"),
        ({"frame": True}, "True is not a whole number"),
        ({"t": 1.5}, "1.5 is not a whole number"),
        ({"state": "lost"}, "'lost' is not a valid State"),
        ({"roi": [1, 2, 3]}, "an array of shape"),
        ({"roi": [1, 2, -3, 0]}, "no region"),
        ({"subjects": [3]}, "not an object"),
        ({"subjects": 3}, "not a keycam record"),
        ({"subjects": [{"id": 0}]}, "'confidence' is missing"),
        ({"latency_ms": None}, "not a keycam record"),
        ({"more": 1}, "unknown entry 'more'"),
    ],
)
def test_anything_else_is_refused_by_name(changes, message):
    with pytest.raises(DataError, match=message):
        Record.from_line(line(**changes), POINTS)


@pytest.mark.parametrize(
    "text", [b"\n", b"{\n", b"[]\n", b'{"t":NaN}\n', b"[" * 100_000, b"\xff\n"]
)
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(DataError):
        Record.from_line(text, POINTS)


def test_the_number_of_points_must_be_the_skeletons():
    with pytest.raises(DataError, match=r"\(4, 2\), where \(5, 2\) is due"):
        Record.from_line(line(), 5)


def test_every_subject_of_a_frame_is_recorded_with_its_own_id():
    found = [np.full((2, 2), place, np.float32) for place in (10, 20)]
    sure = np.ones(2, np.float32)
    second = Pose(State.TRACK, Roi(20, 20, 9), found[1], found[1], sure, id=4)
    away = Pose(State.COAST, id=5)
    pose = Pose(State.TRACK, Roi(10, 10, 9), found[0], found[0], sure, id=3, others=(second, away))

    record = Record.from_line(Record.of(frames(1)[0], pose, 1.0).to_line(), 2)

    assert [subject.id for subject in record.subjects] == [3, 4]
    assert [subject.keypoints_px[0, 0] for subject in record.subjects] == [10, 20]


def test_predictions_have_a_field_of_their_own() -> None:
    points = np.float32([[1, 2], [3, 4]])
    sure = np.float32([1, 0.5])
    pose = Pose(State.TRACK, Roi(1, 2, 3), points, points + 1, sure, 4, (), points + 2, 33.3)
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0, 5)
    record = Record.of(frame, pose, 1.0)
    (subject,) = Record.from_line(record.to_line(), 2).subjects
    np.testing.assert_array_equal(subject.keypoints_px, points + 1)
    np.testing.assert_array_equal(subject.predicted_px, points + 2)
    assert subject.ahead_ms == 33.3
    plain = Record.of(frame, Pose(State.TRACK, None, points, points, sure), 1.0)
    assert b"predicted" not in plain.to_line()


@pytest.mark.parametrize("missing", ["keypoints_predicted", "predicted_ms"])
def test_half_a_prediction_is_refused(missing: str) -> None:
    points, sure = np.float32([[1, 2]]), np.float32([1])
    pose = Pose(State.TRACK, None, points, points, sure, 0, (), points, 10.0)
    line = Record.of(Frame(np.zeros((4, 4, 3), np.uint8), 0, 5), pose, 1.0).to_line()
    table = json.loads(line)
    del table["subjects"][0][missing]
    with pytest.raises(DataError, match=missing):
        Record.from_line(json.dumps(table).encode(), 1)
