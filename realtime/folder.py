"""The folder of a new session: it appears complete, at once, or not at all."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

from realtime.session import EVENTS_FILE, FACTS_FILE, POSES_FILE, SessionError


def make_folder(path: Path, facts: Mapping[str, Any]) -> None:
    """Make the folder beside its place, with its files, and move it there.

    Raises:
        SessionError: `path` exists already, or cannot be made.
    """
    if path.exists() or path.is_symlink():
        raise SessionError(f"{path} exists already and is not overwritten; choose another -o")
    staging = path.parent / f".{path.name}.{os.getpid()}.part"
    try:
        staging.mkdir(parents=True)
        write_facts(staging, facts)
        for name in (POSES_FILE, EVENTS_FILE):
            (staging / name).touch()
        staging.rename(path)
    except OSError as error:
        rmtree(staging, ignore_errors=True)
        raise SessionError(
            f"{path}: cannot be created ({error.strerror}); choose another -o"
        ) from error


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write `session.json`: it is either the old one or the whole new one, whatever happens.

    Raises:
        OSError: it cannot be written.
    """
    part = folder / f".{FACTS_FILE}.part"
    text = json.dumps(facts, allow_nan=False, ensure_ascii=False, indent=1)
    try:
        part.write_text(text + "\n", "utf-8")
        part.replace(folder / FACTS_FILE)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
