"""A file of lines, read with bounds: whatever it holds, little of it is in memory at a time."""

import logging
from collections.abc import Iterator
from pathlib import Path

from engines.errors import DataError

log = logging.getLogger(__name__)


class Lines:
    """The whole lines of a file; iterate as often as you like.

    Attributes:
        cut_off: whether the last iteration met a last line without its end. It is left out.
        whole: bytes up to the end of the last whole line, after an iteration.
    """

    def __init__(self, path: Path, most: int) -> None:
        """
        Args:
            most: bytes of a line that is not refused must be fewer.
        """
        self.path = path
        self.cut_off = False
        self.whole = 0
        self._most = most

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Yield (where it is, for messages; the line with its end).

        Raises:
            DataError: a line too long, or a file that cannot be read.
        """
        self.cut_off, self.whole = False, 0
        try:
            with self.path.open("rb") as file:
                lines = iter(lambda: file.readline(self._most), b"")
                for number, line in enumerate(lines, start=1):
                    where = f"{self.path}:{number}"
                    if len(line) == self._most:
                        raise DataError(f"{where}: longer than {self._most} bytes; not a session")
                    if not line.endswith(b"\n"):
                        self.cut_off = True
                        log.warning("%s: the last line is cut off and left out", where)
                        return
                    self.whole += len(line)
                    yield where, line
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror})") from error
