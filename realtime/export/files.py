"""Files that appear complete or not at all."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from realtime.session import SessionError


@contextmanager
def fresh(targets: Sequence[Path]) -> Iterator[list[Path]]:
    """Other names beside `targets` to write to; at the end of the block they take their places.

    Whatever the block raises, nothing of its writing is left, and files that were there stay.

    Raises:
        SessionError: the disk or the folder refused.
    """
    parts = [path.with_name(f".{os.getpid()}.part.{path.name}") for path in targets]
    try:
        yield parts
        for part, path in zip(parts, targets, strict=True):
            part.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise SessionError(
            f"{targets[0]}: cannot be written ({reason}); make room or choose another -o"
        ) from error
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
