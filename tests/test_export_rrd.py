"""Rerun's recording, read with rerun's own reader."""

import numpy as np
import pytest
from made_session import COUNT, LOST, made_session, made_time_ns, truth

from realtime.export.formats import export

SUBJECTS = (0, 3)


@pytest.fixture
def chunks(tmp_path, mouse_skeleton, monkeypatch):
    """The record batches of a file, by entity."""
    reader = pytest.importorskip("rerun.chunk")
    monkeypatch.setattr("realtime.export.rows.CHUNK", 16)
    session = made_session(tmp_path / "s", mouse_skeleton, subjects=SUBJECTS)
    found: dict[str, list] = {}
    for chunk in reader.RrdReader(export(session, "rrd")[0]).stream().to_chunks():
        found.setdefault(chunk.entity_path, []).append(chunk.to_record_batch())
    return found


def column(batches, name):
    rows = [row for batch in batches for row in batch.column(name).to_pylist()]
    frames = [row for batch in batches for row in batch.column("frame").to_pylist()]
    assert sorted(frames) == list(range(COUNT))
    return [row for _, row in sorted(zip(frames, rows, strict=True), key=lambda pair: pair[0])]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_points_and_confidences_along_frames(chunks, mouse_skeleton, subject):
    points, confidence = truth(mouse_skeleton, subject=subject)
    batches = chunks[f"/subject/{subject}"]
    places, ids = column(batches, "Points2D:positions"), column(batches, "Points2D:keypoint_ids")
    for number in range(COUNT):
        there = np.flatnonzero(np.isfinite(confidence[number]))
        assert ids[number] == there.tolist()
        if len(there):
            assert np.allclose(places[number], points[number, there], atol=0.006)
    sure = column(chunks[f"/subject/{subject}/confidence"], "Scalars:scalars")
    assert np.allclose(sure, confidence, atol=0.0006, equal_nan=True)


def test_times_are_the_captures(chunks):
    times = column(chunks["/subject/0"], "capture_time")
    for number in set(range(COUNT)) - set(LOST):
        true = (made_time_ns(number) - made_time_ns(1)) / 1e9
        assert times[number].total_seconds() == pytest.approx(true, abs=1e-6)


def test_names_and_limbs_are_the_skeletons(chunks, mouse_skeleton):
    (batch,) = chunks["/subject"]
    ((context,),) = batch.column("AnnotationContext:context").to_pylist()
    described = context[0]["class_description"]
    names = [entry["label"] for entry in described["keypoint_annotations"]]
    assert names == list(mouse_skeleton.keypoints)
    edges = [(pair["keypoint0"], pair["keypoint1"]) for pair in described["keypoint_connections"]]
    assert edges == list(mouse_skeleton.edges)
