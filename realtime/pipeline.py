"""The parts put together: from the name of a source to poses on screen and on disk."""

import logging
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from engines.engine import Engine, load, locate
from engines.errors import DataError
from realtime.frame import Frame, Pose
from realtime.loop import Report, Sink, run
from realtime.overlay import Overlay
from realtime.recorder import Recorder, describe_model
from realtime.screen import Output, Screen
from realtime.source import Source, open_source
from realtime.timing import Timings
from realtime.tracker import Tracker
from realtime.video_sink import VideoSink
from realtime.window import Window

DEFAULT_MODEL = "face68"

log = logging.getLogger(__name__)


class Plain:
    """The sink that hands an output the frames as they came, with nothing drawn on them."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:  # noqa: ARG002 (a sink)
        self._output.show(frame.image, frame)

    def close(self) -> None:
        self._output.close()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to come of the poses.

    Attributes:
        window: show the overlay on the screen.
        video: file for the overlay, `.mp4` or `.avi`.
        session: folder for the keypoint stream.
        keep_video: also store the frames as they came in the session, as `video.mp4`.
    """

    window: bool = False
    video: Path | None = None
    session: Path | None = None
    keep_video: bool = False


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
    blind = wanted.window and not _display(wanted)
    wanted = replace(wanted, window=wanted.window and not blind)
    stop = Event()
    with ExitStack() as stack:
        engine = load(model, device)
        stack.callback(engine.close)
        tracker = Tracker(engine, smooth=smooth)
        opened = stack.enter_context(open_source(source, realtime=wanted.window))
        sinks = _sinks(wanted, opened, engine, locate(model), stop)
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


def _sinks(wanted: Wanted, source: Source, engine: Engine, model: Path, stop: Event) -> list[Sink]:
    """Open what is wanted; if one cannot be had, those before it are closed again."""
    skeleton = engine.card.skeleton
    sinks: list[Sink] = []
    with ExitStack() as unfinished:
        outputs: list[Output] = []
        if wanted.video is not None:
            outputs.append(VideoSink(wanted.video, fps=source.fps))
        if wanted.window:
            outputs.append(Window(stop))
        if outputs:
            sinks.append(Screen(Overlay(skeleton, caption=engine.name), outputs))
        if wanted.session is not None:
            facts = describe_model(engine, model)
            recorder = Recorder(wanted.session, source, skeleton, model=facts)
            unfinished.callback(recorder.close)
            sinks.append(recorder)
            if wanted.keep_video:
                sinks.append(Plain(VideoSink(wanted.session / "video.mp4", fps=source.fps)))
        unfinished.pop_all()
    return sinks
