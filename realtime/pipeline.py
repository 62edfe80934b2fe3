"""The parts put together: from the name of a source to poses on screen and on disk."""

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

from engines.engine import Engine, load, locate, shipped_models
from engines.errors import DataError
from engines.swap import SwapEngine
from realtime.engine_watch import EngineWatch
from realtime.loop import Report, Sink, run
from realtime.overlay import Overlay
from realtime.recorder import Quality, Recorder, clock, describe_model
from realtime.replay import Replay, open_replay
from realtime.screen import Output, Screen
from realtime.source import Source, open_source
from realtime.tracker import Tracker
from realtime.video_sink import VideoSink
from realtime.window import Window

DEFAULT_MODEL = "face68"

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to come of the poses.

    Attributes:
        window: show the overlay on the screen.
        video: file for the overlay, `.mp4` or `.avi`.
        session: folder for the keypoint stream.
        keep_video: also store the frames as they came in the session; how, or None not to.
    """

    window: bool = False
    video: Path | None = None
    session: Path | None = None
    keep_video: Quality | None = None


def watch(
    source: str,
    wanted: Wanted,
    *,
    model: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    smooth: bool = True,
    frames: int | None = None,
    seconds: float | None = None,
) -> Report:
    """Track what `source` shows until it ends, a limit is reached, the window is closed, or Ctrl-C.

    Everything is opened, and every output checked, before the first frame is tracked. Files are
    played at their own speed in a window, else read as fast as they are tracked.

    Args:
        source: as for `open_source`.
        model, device: as for `engines.load`.
        smooth: whether keypoints are smoothed over time.
        frames, seconds: limits; None for none.

    Raises:
        KeycamError: of the part that could not be had, or that failed on the way.
    """
    return _watch(
        lambda realtime: open_source(source, realtime=realtime),
        wanted,
        model=model,
        device=device,
        smooth=smooth,
        frames=frames,
        seconds=seconds,
    )


def replay(
    session: str | Path,
    wanted: Wanted,
    *,
    model: str | Path | None = None,
    device: str = "auto",
    fast: bool = False,
    smooth: bool | None = None,
    frames: int | None = None,
    seconds: float | None = None,
) -> Report:
    """Track the video of a session once more, with the numbers and times of its frames.

    The same session, model and engine give the same keypoints every time; after a lossless
    recording, those of the recording.

    Args:
        model: None for the shipped one that the session names.
        fast: as fast as the frames are tracked, not at the pace of the recording.
        smooth: None for as it was recorded.
        frames, seconds: limits; None for none.

    Raises:
        KeycamError: of the part that could not be had, or that failed on the way.
    """
    with open_replay(session, realtime=not fast) as opened:
        facts = opened.facts
        recorded = bool(facts["options"].get("smooth", True))
        return _watch(
            lambda _: opened,
            wanted,
            model=_model_of(facts["model"]) if model is None else model,
            device=device,
            smooth=recorded if smooth is None else smooth,
            frames=frames,
            seconds=seconds,
        )


def _model_of(facts: Mapping[str, Any]) -> str:
    """The name of the shipped model that made a session."""
    name = Path(str(facts.get("file", ""))).stem
    if name not in shipped_models():
        raise DataError(
            f"recorded with {name or 'an unknown model'}, not a shipped one; name it: -m"
        )
    return name


def _watch(
    opener: Callable[[bool], Source],
    wanted: Wanted,
    *,
    model: str | Path,
    device: str,
    smooth: bool,
    frames: int | None,
    seconds: float | None,
) -> Report:
    """As `watch`; `opener` is told whether to play files at their own speed."""
    blind = wanted.window and not _display(wanted)
    wanted = replace(wanted, window=wanted.window and not blind)
    options = {"device": device, "smooth": smooth, "frames": frames, "seconds": seconds}
    stop = Event()
    with ExitStack() as stack:
        opened = stack.enter_context(opener(wanted.window))
        engine = load(model, device, wait=not opened.live)  # one file, one engine
        stack.callback(engine.close)
        tracker = Tracker(engine, smooth=smooth)
        sinks = _sinks(wanted, opened, engine, locate(model), options, stop)
        where = "; no display, so no window" if blind else ""
        log.info("%s: %s on %s%s", opened.name, engine.card.name, engine.name, where)
        return run(opened, tracker, sinks, stop=stop, frames=frames, seconds=seconds)


def _display(wanted: Wanted) -> bool:
    """Whether there is a display; without one something else must be wanted."""
    there = Window.available()
    if not there and wanted.video is None and wanted.session is None:
        raise DataError(
            "no display for a window; use -o VIDEO to write the overlay to a file, "
            "or --no-window for the timings alone"
        )
    return there


def _sinks(
    wanted: Wanted,
    source: Source,
    engine: Engine,
    model: Path,
    options: Mapping[str, Any],
    stop: Event,
) -> list[Sink]:
    """Open what is wanted."""
    skeleton = engine.card.skeleton
    outputs: list[Output] = []
    overlay = Overlay(skeleton, caption=engine.name)
    if wanted.video is not None:
        outputs.append(VideoSink(wanted.video, fps=source.fps))
    if wanted.window:
        outputs.append(window := Window(stop))
    sinks: list[Sink] = []
    recorder: Recorder | None = None
    if outputs:
        sinks.append(Screen(overlay, outputs))
    if wanted.session is not None:
        recorder = Recorder(
            wanted.session,
            source,
            skeleton,
            model=describe_model(engine, model),
            options=options,
            video=wanted.keep_video,
            anchor=source.anchor if isinstance(source, Replay) else clock,
        )
        if wanted.window:
            window.on_mark = recorder.mark
        sinks.append(recorder)
    if isinstance(engine, SwapEngine):
        sinks.insert(0, EngineWatch(engine, overlay, recorder))
    return sinks
