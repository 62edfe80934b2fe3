"""The demonstration: live keypoints with nothing given, not even a camera or a display."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from engines.errors import DataError
from realtime.browser.link import Serving, somebody
from realtime.cameras import cameras
from realtime.loop import Report
from realtime.pipeline import DEFAULT_MODEL, Wanted, watch
from realtime.source import SourceError
from realtime.window import Window

SECONDS = 10.0
PATIENCE_S = 30.0  # to wait for somebody to look at the page
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
    serve: Serving | None = None,
) -> Demo:
    """Track the first camera that works, else the built-in clip.

    In a window if there is a display, for some seconds. If there is none but somebody at a
    terminal, or if `serve` is given, on a page in the browser, until nobody has looked at that for
    a while. If there is neither, or nobody opens the page, for some seconds the overlay and the
    session are written to new names in `folder`.

    Raises:
        KeycamError: the model cannot be had, or `folder` cannot be written.
    """
    if serve is None and somebody() and not Window.available():
        serve = Serving()
    if serve is not None:
        own = replace(serve, patience_s=PATIENCE_S)
        shown = _track(lambda: Wanted(serve=own), model, device, seconds=None, frames=None)
        if own.looked.is_set() or shown.report.ended == "interrupt":
            return shown
        log.info("nobody has opened the page: here are files instead")
    elif Window.available():
        return _track(lambda: Wanted(window=True), model, device, seconds=seconds, frames=None)
    frames = round(FRAMES * seconds / SECONDS)
    return _track(lambda: fresh_outputs(folder), model, device, seconds=seconds, frames=frames)


def _track(
    outputs: Callable[[], Wanted],
    model: str | Path,
    device: str,
    *,
    seconds: float | None,
    frames: int | None,
) -> Demo:
    """The first camera for so many seconds; the clip for so many frames, if that is said."""
    for camera in cameras():
        wanted = outputs()
        try:
            report = watch(camera.id, wanted, model=model, device=device, seconds=seconds)
        except SourceError as error:
            log.warning("%s", error)
        else:
            return Demo(source=camera.name, wanted=wanted, report=report)
    log.info("no camera that works: here is the built-in clip")
    wanted = outputs()
    limit = seconds if frames is None else None
    report = watch(BUILT_IN, wanted, model=model, device=device, frames=frames, seconds=limit)
    return Demo(source="the built-in clip", wanted=wanted, report=report)


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
