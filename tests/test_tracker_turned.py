"""Faces that are turned in the picture, seen by the shipped model: drawn ones always, real ones
where there are clips."""

from math import cos, radians, sin
from pathlib import Path

import cv2
import numpy as np
import pytest

from engines import Engine, load
from engines.geometry import Image, Points
from realtime.frame import Frame, Pose, State
from realtime.synthetic import Synthetic
from realtime.tracker import Tracker

NEAR = 0.15  # mean distance from the truth, in sides of the pose's box
FRAME_NS = 33_333_333


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load("face68", "cpu")


def turned(source: Synthetic, index: int, angle: float, size: float = 1.0) -> tuple[Image, Points]:
    """A drawn frame and its truth, turned clockwise about the face and shrunk."""
    image, truth = source.frame(index).image, source.truth(index)
    x, y = truth.mean(axis=0).tolist()
    c, s = size * cos(angle), size * sin(angle)
    matrix = np.array([[c, -s, 320 - c * x + s * y], [s, c, 240 - s * x - c * y]])
    picture = cv2.warpAffine(image, matrix, source.size, borderMode=cv2.BORDER_REPLICATE)
    moved = truth @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(picture, np.uint8), moved.astype(np.float32)


def near(pose: Pose, truth: Points) -> bool:
    if pose.raw_px is None:
        return False
    side = float(np.ptp(truth, axis=0).max())
    return float(np.linalg.norm(pose.raw_px - truth, axis=1).mean()) < NEAR * side


def follow(engine: Engine, angles: list[float], size: float = 0.6) -> list[tuple[Pose, bool]]:
    source, tracker = Synthetic(seed=3), Tracker(engine)
    seen = []
    for index, angle in enumerate(angles):
        image, truth = turned(source, index, angle, size)
        pose = tracker.track(Frame(image, index, index * FRAME_NS))
        seen.append((pose, near(pose, truth)))
    return seen


@pytest.mark.parametrize("degrees", [-60, -30, 0, 30, 60])
def test_a_face_that_is_turned_is_found_within_ten_frames(engine: Engine, degrees: int) -> None:
    seen = follow(engine, [radians(degrees)] * 14)
    assert any(right for _, right in seen[:10])
    assert all(right for _, right in seen[10:])


def test_the_square_follows_a_face_that_turns_all_the_way_round(engine: Engine) -> None:
    turns = [0.0] * 12 + np.linspace(0, radians(360), 72).tolist()
    seen = follow(engine, turns)[12:]
    assert np.mean([right for _, right in seen]) > 0.95
    assert all(pose.state is State.TRACK for pose, _ in seen)
    angles = [pose.roi.angle for pose, _ in seen if pose.roi is not None]
    assert np.ptp(angles) > radians(300)


def test_a_face_that_stands_upright_is_cut_upright(engine: Engine) -> None:
    seen = follow(engine, [0.0] * 30)
    assert {pose.roi.angle for pose, _ in seen if pose.roi is not None} == {0.0}


def test_a_face_upside_down_is_not_taken_for_an_upright_one(engine: Engine) -> None:
    seen = follow(engine, [radians(180)] * 20)
    assert not any(pose.raw_px is not None and not right for pose, right in seen)
    assert any(right for _, right in seen)


@pytest.mark.parametrize("size", [0.4, 0.8, 1.6])
def test_small_and_large_faces_are_found_within_ten_frames(engine: Engine, size: float) -> None:
    assert any(right for _, right in follow(engine, [0.2] * 10, size))


def test_real_faces_pasted_anywhere_are_followed(engine: Engine, shared_data: Path) -> None:
    """A small run of what examples/measure_tracking.py measures."""
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    try:
        from measure_tracking import company, false_tracks, follow, shots
        from pasted import film_of, heads
    finally:
        sys.path.pop(0)
    clips = sorted((shared_data / "faces" / "video").iterdir())[::6]
    found = heads(clips, engine, frames=30)
    film = film_of(shared_data / "mouse_openfield" / "video.mp4", frames=30)
    assert len(found) >= 4
    score = follow(Tracker(engine, smooth=False), shots(found, film, 3, radians(60), 1))
    assert score.right / score.faces > 0.8
    assert np.median(score.waits) <= 10
    score = follow(Tracker(engine, max_subjects=3), company(found, film, 1, 1))
    assert score.right / score.faces > 0.6
    assert false_tracks(Tracker(engine), film, 100, 1) == []
