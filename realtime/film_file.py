"""The file of a film: it has its name only once it plays, and ends with a whole fragment."""

from contextlib import suppress
from pathlib import Path

from engines.errors import DataError
from realtime.fragments import Fragments
from realtime.journal import check_linked


class FilmFile:
    """What the muxer writes to: no buffer of its own, and silent once it is broken.

    Attributes:
        broken: whether what the muxer still writes is forgotten.
    """

    def __init__(self, path: Path) -> None:
        """
        Raises:
            OSError: the file cannot be created beside `path`.
        """
        self.broken = False
        self._path, self._part = path, unfinished(path)
        self._file = self._part.open("xb", buffering=0)
        self._shown = False

    def write(self, data: bytes) -> int:
        done = 0
        while not self.broken and done < len(data):
            done += self._file.write(data[done:]) or 0
        return len(data)

    def show(self) -> None:
        """Give the file its name if a whole fragment is in it.

        Raises:
            OSError: its folder is gone.
        """
        if not self._shown:
            with self._part.open("rb") as file:
                self._shown = next(iter(Fragments(file)), None) is not None
            if self._shown:
                self._part.replace(self._path)

    def check_there(self) -> None:
        """
        Raises:
            FileNotFoundError: the file was deleted.
        """
        check_linked(self._file.fileno())

    def close(self) -> None:
        """Close the file; one that does not play is removed."""
        self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def cut_back(self) -> int:
        """Leave only whole fragments in a closed file; how many frames they hold.

        A file that is gone, or cannot be shortened, is left as it is.
        """
        frames = 0
        with suppress(OSError, DataError), self._path.open("r+b") as file:
            fragments = Fragments(file)
            for fragment in fragments:
                frames += len(fragment.times)
            file.truncate(fragments.end)
        return frames


def unfinished(path: Path) -> Path:
    """What a film is called before it plays."""
    return path.with_name(f".{path.name}.part")
