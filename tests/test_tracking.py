import gc
from pathlib import Path

import numpy as np
import pytest

import realtime
from engines import EngineError, load
from realtime import Tracker, track, tracking
from realtime.camera_settings import CameraSettings
from realtime.source import SourceError, open_source

CLIP = "synthetic:frames=6,size=160x120"


def test_every_frame_comes_with_the_pose_of_a_tracker(blob_path: Path) -> None:
    pairs = list(track(CLIP, model=blob_path))
    assert [frame.index for frame, _ in pairs] == list(range(6))
    tracker = Tracker(load(blob_path))
    with open_source(CLIP) as source:
        for (_, pose), frame in zip(pairs, source, strict=True):
            due = tracker.track(frame)
            assert pose.state == due.state
            if due.raw_px is not None:
                np.testing.assert_array_equal(pose.raw_px, due.raw_px)


def test_the_source_is_what_was_asked_of_it(blob_path: Path) -> None:
    turned = CameraSettings(rotate=90)
    shapes = [frame.image.shape for frame, _ in track(CLIP, camera=turned, model=blob_path)]
    assert shapes == [(160, 120, 3)] * 6


def test_leaving_the_loop_closes_engine_and_source(
    blob_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    def loaded(*arguments: object, **options: object) -> object:
        engine = load(*arguments, **options)
        close = engine.close
        engine.close = lambda: (closed.append("engine"), close())  # type: ignore[method-assign]
        return engine

    def opened(*arguments: object, **options: object) -> object:
        source = open_source(*arguments, **options)
        close = source.close
        source.close = lambda: (closed.append("source"), close())  # type: ignore[method-assign]
        return source

    monkeypatch.setattr(tracking, "load", loaded)
    monkeypatch.setattr(tracking, "open_source", opened)
    for _ in track(CLIP, model=blob_path):
        break
    gc.collect()
    assert closed == ["engine", "source"]


def test_cameras_are_numbers_and_paths_are_paths(blob_path: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no camera at 9 "):
        next(track(9, model=blob_path))
    with pytest.raises(SourceError, match=r"none\.mp4"):
        next(track(tmp_path / "none.mp4", model=blob_path))
    with pytest.raises(EngineError, match="none"):
        next(track(CLIP, model="none"))


def test_the_package_has_what_it_promises_and_no_more() -> None:
    assert set(realtime.__all__) == {"Tracker", "track"}
    assert realtime.track is track
    with pytest.raises(AttributeError, match="no attribute 'tracks'"):
        _ = realtime.tracks
