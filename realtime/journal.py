"""A file of lines that ends with a whole line, whatever the disk does."""

import os
from contextlib import suppress
from errno import ENOENT
from pathlib import Path


def check_linked(file: int) -> None:
    """A file that somebody deleted takes everything and keeps nothing.

    Args:
        file: the descriptor of an open file.

    Raises:
        FileNotFoundError: it was deleted.
    """
    if os.fstat(file).st_nlink == 0:
        raise FileNotFoundError(ENOENT, "the session was deleted")


class Journal:
    """Appends lines to a file. They wait in memory until `flush`.

    When the disk takes only a part, what it took of an unfinished line is cut off again.

    Attributes:
        lines: whole lines handed to the disk so far.
    """

    def __init__(self, path: Path) -> None:
        """
        Raises:
            OSError: the file cannot be opened.
        """
        self.lines = 0
        self._file = path.open("ab", buffering=0)
        self._end = self._file.tell()  # bytes of whole lines on the disk
        self._waiting: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Add a line, which has its end."""
        self._waiting.append(line)

    def flush(self) -> None:
        """Hand what waits to the disk.

        Raises:
            OSError: the disk did not take all of it; the rest is forgotten.
        """
        data, self._waiting = b"".join(self._waiting), []
        done = 0
        try:
            while done < len(data):
                done += self._file.write(data[done:]) or 0
        finally:
            kept = data.rfind(b"\n", 0, done) + 1
            self.lines += data.count(b"\n", 0, kept)
            self._end += kept
            if kept < done:
                with suppress(OSError):
                    self._file.truncate(self._end)

    def check_there(self) -> None:
        """
        Raises:
            FileNotFoundError: the file was deleted.
        """
        check_linked(self._file.fileno())

    def close(self) -> None:
        """Close the file; what waits is forgotten."""
        self._file.close()
