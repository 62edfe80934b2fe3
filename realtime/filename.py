"""Names of what is made while the loop runs: by the time, and never one that is taken."""

import os
from datetime import datetime
from itertools import count
from pathlib import Path

from engines.errors import DataError


def by_time(folder: Path, *endings: str) -> tuple[Path, ...]:
    """A path in `folder` for each ending, all with the first stem under which all are free."""
    now = f"keycam-{datetime.now():%Y%m%d-%H%M%S}"
    for number in count(1):
        stem = now if number == 1 else f"{now}-{number}"
        paths = tuple(folder / f"{stem}{ending}" for ending in endings)
        if not any(os.path.lexists(path) for path in paths):
            return paths
    raise AssertionError("count never ends")


def check_writable(folder: Path) -> None:
    """Refuse a folder that is there and cannot be written; one that is not will be made.

    Raises:
        DataError: it cannot be written.
    """
    there = folder.exists()
    if there and not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise DataError(f"{folder}: cannot be written; name a folder you may write to")
