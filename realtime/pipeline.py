"""The parts put together: from the name of a source to poses on screen and on disk."""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

from engines.device import choose
from engines.engine import Engine, load, locate
from engines.errors import DataError
from engines.swap import SwapEngine
from realtime.browser.link import Serving
from realtime.browser.offers import Choice
from realtime.browser.stay import Page, stay
from realtime.camera_settings import CameraSettings
from realtime.desk import Desk, anchor_of, recorders
from realtime.engine_watch import EngineWatch
from realtime.filtering import Filtering, Filters, as_recorded
from realtime.loop import Report, Sink, Tracks, closing_all, run
from realtime.outputs import open_outputs
from realtime.overlay import Overlay
from realtime.recorder import Quality, Recorder
from realtime.replay import model_of, open_replay
from realtime.repose.plan import Plan
from realtime.repose.stage import open_stage
from realtime.screen import Draws, Prepared, Screen, View
from realtime.source import Source, open_source
from realtime.stream.address import CAMERA, Address
from realtime.stream.message import Hello
from realtime.stream.outlets import open_stream
from realtime.stream.processor import Processed
from realtime.tiles import Tile
from realtime.tracker import Tracker
from realtime.viewing import Viewing
from realtime.window import Window

DEFAULT_MODEL = "face68"

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to come of the poses.

    Attributes:
        window: show the overlay on the screen; on a page in the browser where there is no display
            and nothing else is wanted.
        serve: show it on a page in the browser.
        video: file for the overlay, `.mp4` or `.avi`.
        session: folder for the keypoint stream.
        keep_video: also store the frames as they came in the session; how, or None not to.
        to: where to send the poses as they come, as for `realtime.stream.address`.
        processor: FILE:CLASS that sees every pose first, as in `realtime.stream.processor`.
        viewing: how pictures are drawn, and what keys make.
        filtering: how keypoints are smoothed and predicted.
        camera: what is asked of the source, and how long it may be gone.
        repose: what to draw instead of the overlay; None for the overlay.
        max_subjects: how many are followed at most.
    """

    window: bool = False
    serve: Serving | None = None
    video: Path | None = None
    session: Path | None = None
    keep_video: Quality | None = None
    to: tuple[str, ...] = ()
    processor: str | None = None
    viewing: Viewing = Viewing()  # noqa: RUF009 (frozen)
    filtering: Filtering = Filtering()  # noqa: RUF009 (frozen)
    camera: CameraSettings = CameraSettings()  # noqa: RUF009 (frozen)
    repose: Plan | None = None
    max_subjects: int = 1

    @property
    def more(self) -> bool:
        """Whether anything is wanted that is not looked at."""
        return bool(self.video or self.session or self.to or self.processor)


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
    played at their own speed in a window or a stream, else read as fast as they are tracked.

    Args:
        source: as for `open_source`.
        model, device: as for `engines.load`.
        smooth: whether keypoints are smoothed over time.
        frames, seconds: limits; None for none.

    Raises:
        KeycamError: of the part that could not be had, or that failed on the way.
    """
    wanted = _shown(wanted)
    own: dict[str, Any] = {"device": device, "smooth": smooth, "frames": frames, "seconds": seconds}

    def once(choice: Choice, page: Page | None) -> Report:
        def opener(realtime: bool) -> Source:  # noqa: FBT001
            return open_source(choice.source, wanted.camera, realtime=realtime)

        return _watch(opener, wanted, page, model=choice.model, **own)

    alone = not wanted.more and frames is None and seconds is None
    return stay(wanted.serve, Choice(source=source, model=str(model)), once, choosing=alone)


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
        model = model_of(facts["model"]) if model is None else model
        wanted = replace(
            wanted,
            filtering=as_recorded(wanted.filtering, facts["options"]),
            max_subjects=facts["options"].get("max_subjects", 1),
        )
        own = _shown(wanted)

        def once(choice: Choice, page: Page | None) -> Report:
            return _watch(
                lambda _: opened,
                own,
                page,
                model=choice.model,
                device=device,
                smooth=recorded if smooth is None else smooth,
                frames=frames,
                seconds=seconds,
            )

        only = Choice(source=opened.name, model=str(model))
        return stay(own.serve, only, once, choosing=False)


def _watch(
    opener: Callable[[bool], Source],
    wanted: Wanted,
    page: Page | None,
    *,
    model: str | Path,
    device: str,
    smooth: bool,
    frames: int | None,
    seconds: float | None,
) -> Report:
    """As `watch`; `opener` is told whether to play files at their own speed."""
    blind = wanted.window and not Window.available()
    wanted = replace(wanted, window=wanted.window and not blind)
    addresses = [Address.parse(text) for text in wanted.to]
    options: dict[str, Any] = {
        "device": device,
        "smooth": smooth,
        "frames": frames,
        "seconds": seconds,
        **wanted.camera.facts(),
    }
    stop = Event()
    with ExitStack() as stack:
        watched = wanted.window or page is not None
        opened = stack.enter_context(opener(watched or bool(addresses)))
        engine = load(model, device, wait=not opened.live)  # one file, one engine
        stack.callback(engine.close)
        options["refused"] = refused(device)
        if wanted.repose is not None:
            options["reposed"] = wanted.repose.facts()
        if (most := wanted.max_subjects) != 1:
            options["max_subjects"] = most
        follower = Tracker(engine, smooth=smooth, max_subjects=most)
        filters = Filters(wanted.filtering, follower, engine.card.skeleton, options)
        tracker: Tracks = follower
        if wanted.processor is not None:
            tracker = Processed(tracker, wanted.processor, engine.card.skeleton)
            stack.enter_context(closing_all([tracker]))
        tracker = filters.over(tracker)
        sinks = open_sinks(
            wanted, addresses, opened, engine, locate(model), filters, stop, page=page
        )
        for screen in (own for own in sinks if isinstance(own, Screen)):
            tracker = Prepared(tracker, screen)
        where = "; no display, so no window" if blind else ""
        log.info("%s: %s on %s%s", opened.name, engine.card.name, engine.name, where)
        if options["refused"]:
            log.info("auto chose the CPU: %s", "; ".join(options["refused"]))
        report = run(opened, tracker, sinks, stop=stop, frames=frames, seconds=seconds)
        return replace(report, filtering=filters.found())


def refused(device: str) -> list[str]:
    """Why "auto" took no GPU, one line each; none where it did, or where it had no choice."""
    return list(choose(device).reasons) if device == "auto" else []


def _shown(wanted: Wanted) -> Wanted:
    """Where there is no display for a window, and nothing else is wanted, the page."""
    if not wanted.window or wanted.more or Window.available():
        return wanted
    if wanted.repose is not None:  # which the page does not show
        raise DataError("no display for a window; use -o VIDEO or --to vcam:")
    return replace(wanted, window=False, serve=wanted.serve or Serving())


def open_sinks(
    wanted: Wanted,
    addresses: Sequence[Address],
    source: Source,
    engine: Engine,
    model: Path,
    filters: Filters,
    stop: Event,
    tile: Tile | None = None,
    page: Page | None = None,
) -> list[Sink]:
    """Open what is wanted, the streams first: they send before others draw and write.

    `tile` takes the window's place where several loops share one.
    """
    sinks: list[Sink] = []
    with ExitStack() as undo:
        hello = Hello.of(source, engine, anchor_of(source))
        for address in addresses:
            if address.scheme != CAMERA:
                sinks.append(stream := open_stream(address, hello))
                undo.callback(stream.close)
        overlay = Overlay(engine.card.skeleton, caption=engine.name)
        viewing = wanted.viewing if page is None else page.viewing(wanted.viewing)
        controls = viewing.controls(stop)
        draws: Draws = overlay
        size = source.size
        if wanted.repose is not None:
            device = str(filters.options["device"])
            draws = stage = open_stage(wanted.repose, engine, overlay, size, device)
            undo.callback(stage.close)
            stage.obey(controls)
            size = stage.size
        comment = wanted.repose.comment if wanted.repose else ""
        outputs = open_outputs(wanted.video, addresses, size, source.fps, undo, comment=comment)
        views: list[View] = [Window(stop, ask=controls.ask)] if wanted.window else []
        if tile is not None:
            tile.ask = controls.ask
            views.append(tile)
        screen: Screen | None = None
        looked_at = bool(outputs or views or wanted.repose)
        if looked_at or page is not None:
            waits = not source.live
            screen = Screen(draws, outputs, views, controls=controls, holds=waits, draws=looked_at)
            sinks.append(screen)
        if page is not None:
            sinks.append(shown := page.sink(source, engine, controls))
            undo.callback(shown.close)
        make = recorders(source, engine, model, filters.options)
        recorder: Recorder | None = None
        if wanted.session is not None:
            sinks.append(recorder := make(wanted.session, wanted.keep_video))
        desk = Desk(controls, wanted.viewing, screen, recorder, make)
        filters.notes.append(desk.note)
        if isinstance(engine, SwapEngine):
            sinks.insert(0, EngineWatch(engine, overlay, desk))
        sinks = [controls, *sinks, *desk.sinks, *filters.sinks]
        undo.pop_all()
    return sinks
