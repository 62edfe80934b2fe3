"""Several cameras in one process: each has a loop on a thread of its own, and all one engine."""

import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

from engines.batch import Batcher
from engines.engine import Engine, load, locate
from engines.errors import DataError
from realtime.filtering import Filters
from realtime.loop import Report, Sink, Tracks, run
from realtime.pipeline import DEFAULT_MODEL, Wanted, open_sinks, refused
from realtime.session import SessionError
from realtime.source import Source, open_source
from realtime.tiles import Wall
from realtime.tracker import Tracker
from realtime.window import Window

LOOK_S = 0.1  # of waiting for a loop, after which Ctrl-C is looked for at the latest

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What became of one source.

    Attributes:
        wanted: with this source's own files.
        report: None if its loop failed.
        error: what it failed with.
    """

    source: str
    wanted: Wanted
    report: Report | None
    error: Exception | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: the report's, with the source's name, or the error."""
        rest = {"error": str(self.error)} if self.report is None else asdict(self.report)
        return {"source": self.source, **rest}


class _Loop(Thread):
    """One source's loop.

    Attributes:
        done: set at the end. To be waited for in place of `join`, which Python up to 3.12 takes for
            done when Ctrl-C interrupts it (gh-90985).
    """

    def __init__(
        self,
        source: Source,
        tracker: Tracks,
        sinks: Sequence[Sink],
        filters: Filters,
        engine: Engine,
        limits: Mapping[str, Any],
    ) -> None:
        """
        Args:
            engine: closed at the end, so that the others do not wait for this one.
            limits: as `run` takes them.
        """
        super().__init__(name=f"loop {source.name}", daemon=True)
        self.report: Report | None = None
        self.error: Exception | None = None
        self.done = Event()
        self._parts = source, tracker, sinks
        self._filters = filters
        self._engine = engine
        self._limits = limits

    def run(self) -> None:
        try:
            report = run(*self._parts, **self._limits)
            self.report = replace(report, filtering=self._filters.found())
        except Exception as error:  # noqa: BLE001 (the others go on; the owner looks at it)
            self.error = error
            log.error("%s; the other sources go on", error)
        finally:
            self._engine.close()
            self.done.set()


def watch_all(
    sources: Sequence[str],
    wanted: Wanted,
    *,
    model: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    smooth: bool = True,
    frames: int | None = None,
    seconds: float | None = None,
) -> list[Followed]:
    """Track several sources at the same time, until each has ended or reached its limit.

    The engine is one: what the loops ask of it at about the same time it does at once. One window
    shows them all; closing it, or Ctrl-C, ends them all. A source that fails ends alone.

    Args:
        sources: as for `open_source`.
        wanted: `session` is a folder for one session each, and of `video` each has its own, the
            number of the source in its name.
        frames, seconds: limits for each source.

    Raises:
        KeycamError: of a part that could not be had; then nothing was begun.
    """
    if wanted.to or wanted.processor is not None:
        raise DataError("--to and --processor are for one source; start one keycam for each")
    window = wanted.window and _display(wanted)
    stop = Event()
    with ExitStack() as stack:
        opened = [
            stack.enter_context(open_source(own, wanted.camera, realtime=window)) for own in sources
        ]
        engine = Batcher(load(model, device, wait=not any(own.live for own in opened)))
        stack.callback(engine.close)
        each = shares(replace(wanted, window=False), opened)
        _check_free(each)
        wall = Wall(len(opened))
        loops: list[_Loop] = []
        undo = stack.enter_context(ExitStack())
        options = {"device": device, "smooth": smooth, "frames": frames, "seconds": seconds}
        options |= {**wanted.camera.facts(), "refused": refused(device)}
        if wanted.max_subjects != 1:
            options["max_subjects"] = wanted.max_subjects
        for source, own, tile in zip(opened, each, wall.tiles, strict=True):
            tracker = Tracker(engine.client(), smooth=smooth, max_subjects=wanted.max_subjects)
            filters = Filters(own.filtering, tracker, engine.engine.card.skeleton, dict(options))
            over, shown = filters.over(tracker), tile if window else None
            own_engine, file = engine.engine, locate(model)
            sinks = open_sinks(own, [], source, own_engine, file, filters, stop, shown)
            for sink in sinks:
                undo.callback(sink.close)
            limits = {"stop": stop, "frames": frames, "seconds": seconds}
            loops.append(_Loop(source, over, sinks, filters, tracker.engine, limits))
        undo.pop_all()  # the loops close them
        log.info("%d sources on %s", len(loops), engine.engine.name)
        interrupted = _run_all(loops, wall, stop, window=window)
        ended = [_ended(loop, interrupted=interrupted) for loop in loops]
        return [
            Followed(source=source.name, wanted=own, report=report, error=loop.error)
            for source, own, report, loop in zip(opened, each, ended, loops, strict=True)
        ]


def shares(wanted: Wanted, sources: Sequence[Source]) -> list[Wanted]:
    """What is wanted of each source: sessions by its name, videos by its number from 1."""
    names = folder_names([own.name for own in sources])
    made = []
    for number, name in enumerate(names, start=1):
        video, session = wanted.video, wanted.session
        if video is not None:
            video = video.with_stem(f"{video.stem}-{number}")
        viewing = replace(wanted.viewing, record_to=wanted.viewing.record_to / name)
        session = session and session / name
        made.append(replace(wanted, video=video, session=session, viewing=viewing))
    return made


def _display(wanted: Wanted) -> bool:
    """Whether there is a display; without one something else must be wanted."""
    there = Window.available()
    if not there and wanted.video is None and wanted.session is None:
        raise DataError("no display for a window; use -o VIDEO, or --no-window")
    return there


def _check_free(each: Sequence[Wanted]) -> None:
    """Refuse sessions that are there already, before the first is made."""
    for own in each:
        if own.session is not None and own.session.exists():
            raise SessionError(f"{own.session} exists already; choose another -o")


def folder_names(names: Sequence[str]) -> list[str]:
    """Names of folders for sources: letters, digits, dots and dashes, all different."""
    made: list[str] = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9.]+", "-", name.partition("://")[2] or name).strip("-.")[:60]
        plain, number = plain or "source", 2
        own = plain
        while own in made:
            own, number = f"{plain}-{number}", number + 1
        made.append(own)
    return made


def _run_all(loops: Sequence[_Loop], wall: Wall, stop: Event, *, window: bool) -> bool:
    """Run the loops to their end; whether Ctrl-C was it. Windows belong to the main thread."""
    shown = Window(stop, ask=wall.ask) if window else None
    interrupted = False
    try:
        for loop in loops:
            loop.start()
        if shown is not None:
            wall.show(shown, lambda: not all(loop.done.is_set() for loop in loops))
        for loop in loops:
            while not loop.done.wait(LOOK_S):
                pass
    except KeyboardInterrupt:
        interrupted = True
    finally:
        stop.set()
        for loop in loops:
            if loop.ident is not None:  # it was started
                loop.done.wait()
        if shown is not None:
            shown.close()
    return interrupted


def _ended(loop: _Loop, *, interrupted: bool) -> Report | None:
    if loop.report is not None and interrupted and loop.report.ended == "stop":
        return replace(loop.report, ended="interrupt")
    return loop.report
