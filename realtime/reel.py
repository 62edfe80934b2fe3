"""The times of a session's video, frame by frame; the pictures are not decoded."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Self

from engines.errors import DataError
from realtime.fragments import Fragments
from realtime.session import Session, SessionError

SURPLUS = 100_000  # frames without a pose, at a video's end, that are counted at most


class Reel:
    """The frames of a session's video in whole fragments; none if it has no video.

    Attributes:
        there: whether there is a video.
        frames: seen so far.
        tick_s: how fine their times are.
        cut_off: whether the file ended in the middle of a fragment.
        whole: bytes up to there.
    """

    def __init__(self, session: Session) -> None:
        self.frames = self.whole = 0
        self.tick_s = 0.0
        self.cut_off = self.there = False
        self._session = session
        self._opened = ExitStack()
        self._times: Iterator[float] = iter(())

    def __enter__(self) -> Self:
        """Open the video.

        Raises:
            SessionError: it is not there, or not as keycam wrote it.
        """
        if (path := self._session.video) is not None:
            self.there = True
            self._times = self._read(path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.close()

    def next(self) -> float | None:
        """Seconds from the video's first frame to its next; None after the last.

        Raises:
            SessionError: the video is not as keycam wrote it.
        """
        time_s = next(self._times, None)
        self.frames += time_s is not None
        return time_s

    def skip_rest(self) -> None:
        """Count what is left, up to SURPLUS frames."""
        self.frames += sum(1 for _ in islice(self._times, SURPLUS))

    def _read(self, path: Path) -> Iterator[float]:
        try:
            file = self._opened.enter_context(path.open("rb"))
            fragments = Fragments(file)
            self.tick_s = 1 / fragments.timescale if fragments.timescale else 0.0
            whole = iter(fragments)
            first = next(whole, None)
            start = first.times[0] if first and first.times else 0
            for fragment in chain([first] if first else [], whole):
                for time in fragment.times:
                    yield (time - start) * self.tick_s
        except DataError as error:
            raise SessionError(f"{path}: {error}") from error
        except OSError as error:
            raise SessionError(f"{path}: cannot be read ({error.strerror})") from error
        self.cut_off, self.whole = fragments.cut_off, fragments.end
