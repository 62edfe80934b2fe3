"""The errors a caller of keycam can meet.

KeycamError
├── DataError      a file or value handed to us is not what it should be
├── EngineError    a model file cannot be loaded or run
├── SourceError    a camera, video or stream cannot be read   (realtime.source)
└── SessionError   a recording cannot be written or read      (realtime.session)

Every message is one line that names the thing at fault and the remedy.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class KeycamError(Exception):
    """What the command line prints in one line before it exits with code 2."""


class DataError(KeycamError):
    """A file or value handed to us is missing, damaged or of the wrong kind."""


class EngineError(KeycamError):
    """A model file cannot be loaded or run."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Whatever a GPU's packages raise, as one EngineError: "`what`: the first line of it"."""
    try:
        yield
    except EngineError:
        raise
    except Exception as error:  # their classes are not there without them
        lines = str(error).splitlines() or [type(error).__name__]
        raise EngineError(f"{what}: {lines[0]}") from error
