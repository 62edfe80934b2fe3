"""Makes a session whole again whose recording was killed: what was cut off is cut away."""

import os
import shutil
from itertools import count
from pathlib import Path

from engines.errors import DataError
from realtime.film_file import unfinished
from realtime.reel import Reel
from realtime.session import EVENTS_FILE, POSES_FILE, Session, SessionError, inside, open_session


def repair(path: str | Path) -> list[Path]:
    """Cut the unfinished end off the files of a session, and keep the whole files beside them.

    Returns:
        The copies of the files as they were; none if nothing was cut off.

    Raises:
        SessionError: no session there, something else is wrong with it, or it cannot be written.
    """
    session = open_session(path)
    kept = [copy for name in (POSES_FILE, EVENTS_FILE) if (copy := _repair_lines(session, name))]
    if session.facts.get("video"):
        with Reel(session) as reel:
            while reel.next() is not None:
                pass
        if reel.cut_off and (video := session.video) is not None:
            kept.append(_shorten(video, reel.whole))
        film = inside(session.path, session.facts["video"]["file"])
        if os.path.lexists(unfinished(film)):
            kept.append(_set_aside(unfinished(film), film))
    return kept


def _repair_lines(session: Session, name: str) -> Path | None:
    lines = session.lines(name)
    try:
        for _ in lines:
            pass
    except DataError as error:
        raise SessionError(str(error)) from error
    return _shorten(lines.path, lines.whole) if lines.cut_off else None


def _shorten(file: Path, size: int) -> Path:
    """Copy `file`, then leave only its first `size` bytes; the copy's path."""
    copy = _free(file)
    try:
        shutil.copy2(file, copy)
        os.truncate(file, size)
    except OSError as error:
        raise SessionError(f"{file}: cannot be repaired ({error.strerror})") from error
    return copy


def _set_aside(part: Path, film: Path) -> Path:
    """Name what never became a film as what was cut off it; its path."""
    try:
        return part.rename(_free(film))
    except OSError as error:
        raise SessionError(f"{part}: cannot be renamed ({error.strerror})") from error


def _free(file: Path) -> Path:
    """A name for what is cut off `file`."""
    numbered = (file.with_name(f"{file.name}.cut{number}") for number in count(1))
    return next(name for name in numbered if not os.path.lexists(name))
