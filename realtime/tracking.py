"""The tracker for other people's programs: `for frame, pose in track(0): ...`."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from engines.engine import load
from realtime.camera_settings import CameraSettings
from realtime.frame import Frame, Pose
from realtime.pipeline import DEFAULT_MODEL
from realtime.source import open_source
from realtime.tracker import Tracker


def track(
    source: str | int | Path,
    *,
    camera: CameraSettings | None = None,
    model: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    smooth: bool = True,
    realtime: bool = False,
    max_subjects: int = 1,
) -> Iterator[tuple[Frame, Pose]]:
    """Open `source`, and yield each of its frames with its pose.

    Of a camera or a stream each step gets the newest frame; `frame.dropped` counts those that went
    by meanwhile. Files are read whole. Source and engine are opened by the first step, and closed
    when the loop over it ends, however it ends.

    Args:
        source: as for `realtime.source.open_source`; a number for a camera.
        camera: what is asked of it, and how long it may be gone; by default not at all.
        model, device: as for `engines.load`.
        smooth: whether `pose.keypoints_px` are smoothed over time.
        realtime: play files at their own speed.
        max_subjects: how many are followed at most; `pose.subjects` are those of a frame.

    Raises:
        SourceError: there is no such source, or it died.
        EngineError, DataError: the model cannot be had, or failed.
    """
    with ExitStack() as stack:
        opened = stack.enter_context(open_source(str(source), camera, realtime=realtime))
        engine = load(model, device, wait=not opened.live)  # one file, one engine
        stack.callback(engine.close)
        tracker = Tracker(engine, smooth=smooth, max_subjects=max_subjects)
        for frame in opened:
            yield frame, tracker.track(frame)
