"""The demonstration: live keypoints with nothing given, not even a camera or a display."""

import logging
import os
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from engines.errors import DataError
from realtime.cameras import cameras
from realtime.loop import Report
from realtime.pipeline import DEFAULT_MODEL, Wanted, watch
from realtime.source import SourceError
from realtime.window import Window

SECONDS = 10.0
FRAMES = 300  # of the built-in clip where it is not shown in a window: ten seconds of it
BUILT_IN = "synthetic:"

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What was shown, and where it was written to, if it was."""

    source: str
    wanted: Wanted
    report: Report


def demo(
    folder: Path,
    *,
    model: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    seconds: float = SECONDS,
) -> Demo:
    """Track the first camera that works, else the built-in clip, for some seconds.

    In a window if there is a display. If not, the overlay and the session are written to new names
    in `folder`.

    Raises:
        KeycamError: the model cannot be had, or `folder` cannot be written.
    """
    for camera in cameras():
        wanted = _outputs(folder)
        try:
            report = watch(camera.id, wanted, model=model, device=device, seconds=seconds)
        except SourceError as error:
            log.warning("%s", error)
        else:
            return Demo(source=camera.name, wanted=wanted, report=report)
    log.info("no camera that works: here is the built-in clip")
    wanted = _outputs(folder)
    frames = None if wanted.window else round(FRAMES * seconds / SECONDS)
    limit = seconds if wanted.window else None
    report = watch(BUILT_IN, wanted, model=model, device=device, frames=frames, seconds=limit)
    return Demo(source="the built-in clip", wanted=wanted, report=report)


def _outputs(folder: Path) -> Wanted:
    return Wanted(window=True) if Window.available() else fresh_outputs(folder)


def fresh_outputs(folder: Path) -> Wanted:
    """A video and a session in `folder` under the first pair of names that are both free.

    Raises:
        DataError: `folder` is not one that may be written to.
    """
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise DataError(f"{folder}: cannot be written; run the demo in a folder of your own")
    for number in count(1):
        stem = "keycam-demo" if number == 1 else f"keycam-demo-{number}"
        video, session = folder / f"{stem}.mp4", folder / stem
        if not (os.path.lexists(video) or os.path.lexists(session)):
            return Wanted(video=video, session=session)
    raise AssertionError("count never ends")
