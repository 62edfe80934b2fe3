"""BVH motion capture: the hierarchy, the channels, and where they put the joints.

The format is Biovision's; a description is in Meredith and Maddock, Motion Capture File Formats
Explained, University of Sheffield CS-01-11, 2001.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError

MAX_LINE = 1 << 20  # bytes
MAX_HEADER = 1 << 20  # words before MOTION
MAX_JOINTS = 1000
MAX_FRAMES = 20_000  # that are kept of a file, spread over all of it,
MAX_VALUES = 4_000_000  # and how many numbers they may hold
CHANNELS = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "xyz")


@dataclass(frozen=True, eq=False)
class Motion:
    """A hierarchy of J joints and F frames of its C channels.

    Attributes:
        names: of the joints; the end site below joint X is called X_end.
        parents: index of each joint's parent, which comes before it; -1 for a root.
        offsets: (J, 3) from the parent, in the file's units.
        channels: for each joint, the kinds of its channels (indices into CHANNELS) in the order
            of their columns; the columns of all joints follow each other.
        values: (F, C) float64, degrees and units.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: NDArray[np.float64]
    channels: tuple[tuple[int, ...], ...]
    values: NDArray[np.float64]

    def positions(self) -> NDArray[np.float64]:
        """(F, J, 3) places of the joints in every frame: forward kinematics.

        A joint's rotations are applied in the order of its channels, the first outermost.
        """
        frames, joints = len(self.values), len(self.names)
        places = np.empty((frames, joints, 3))
        turns = np.empty((frames, joints, 3, 3))
        column = 0
        for j, (parent, kinds) in enumerate(zip(self.parents, self.channels, strict=True)):
            values = self.values[:, column : column + len(kinds)]
            column += len(kinds)
            shift = _shift(self.offsets[j], kinds, values, root=parent < 0)
            turn = np.broadcast_to(np.eye(3), (frames, 3, 3))
            if parent >= 0:
                turn = turns[:, parent]
                shift = places[:, parent] + (turn @ shift[:, :, None])[:, :, 0]
            places[:, j] = shift
            for n, kind in enumerate(kinds):
                if kind >= 3:
                    turn = turn @ _rotation(kind - 3, np.radians(values[:, n]))
            turns[:, j] = turn
        return places


def _shift(
    offset: NDArray[np.float64], kinds: tuple[int, ...], values: NDArray[np.float64], *, root: bool
) -> NDArray[np.float64]:
    """(F, 3) from the parent. A root's position is added to its offset. Below it some programs
    write what to add and others the whole place; what lies nearer to the offset is a place."""
    places = [n for n, kind in enumerate(kinds) if kind < 3]
    moved = np.zeros((len(values), 3))
    for n in places:
        moved[:, kinds[n]] = values[:, n]
    if len(places) == 3 and not root:
        gaps = (np.median(np.linalg.norm(own, axis=1)) for own in (moved - offset, moved))
        if next(gaps) < next(gaps):
            return moved
    return moved + offset


def _rotation(axis: int, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, 3, 3) right-handed turns about one axis by `angle` (F,) radians."""
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((len(angle), 3, 3))
    matrix[:, axis, axis] = 1
    matrix[:, a, a] = matrix[:, b, b] = np.cos(angle)
    matrix[:, b, a] = np.sin(angle)
    matrix[:, a, b] = -matrix[:, b, a]
    return matrix


def read_bvh(path: Path) -> Motion:
    """Read a BVH file; of very long ones every so-many-th frame.

    Time is linear in the file's length and memory is bounded, whatever the file claims.

    Raises:
        DataError: missing, cut off, or not BVH; the line is named.
    """
    try:
        with path.open("rb") as file:
            return _Reader(path, file).read()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; motion capture (BVH) was expected") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


class _Reader:
    """Reads one file; every failure names it and the line."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.file = file
        self.line = 0
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[list[float]] = []
        self.channels: list[tuple[int, ...]] = []

    def fail(self, message: str) -> NoReturn:
        raise DataError(f"{self.path}: line {self.line}: {message}")

    def next_line(self) -> str | None:
        """The next line that is not blank; None at the end of the file."""
        while data := self.file.readline(MAX_LINE + 1):
            self.line += 1
            if len(data) > MAX_LINE:
                self.fail("far too long for BVH motion capture")
            if text := data.decode("utf-8", "replace").strip():
                return text
        return None

    def read(self) -> Motion:
        words = self.header()
        if next(words, "").upper() != "HIERARCHY":
            self.fail("does not begin with HIERARCHY; not BVH motion capture")
        self.hierarchy(words)
        width = sum(map(len, self.channels))
        if not self.names or not width:
            self.fail("the hierarchy has no joint that moves")
        values = self.motion(width)
        offsets = np.array(self.offsets, np.float64)
        return Motion(tuple(self.names), tuple(self.parents), offsets, tuple(self.channels), values)

    def header(self) -> Iterator[str]:
        """The words before MOTION, braces apart."""
        count = 0
        while (text := self.next_line()) is not None:
            if text.upper() == "MOTION":
                return
            for word in text.replace("{", " { ").replace("}", " } ").split():
                count += 1
                if count > MAX_HEADER:
                    self.fail("the hierarchy does not end; not BVH motion capture")
                yield word
        self.fail("the file ends before MOTION; it is cut off, or not BVH motion capture")

    def hierarchy(self, words: Iterator[str]) -> None:
        above: list[int] = []  # the joints whose braces are open
        for word in words:
            key = word.upper()
            if key in ("ROOT", "JOINT", "END"):
                if (key == "ROOT") == bool(above):
                    self.fail(f"{key} stands at the wrong depth")
                self.begin(key, words, above)
            elif key == "}":
                if not above:
                    self.fail("a closing brace too many")
                above.pop()
            elif key == "OFFSET" and above:
                self.offsets[above[-1]] = [self.number(next(words, "")) for _ in range(3)]
            elif key == "CHANNELS" and above:
                self.channels[above[-1]] = self.kinds(words)
            else:
                self.fail(f"'{word[:40]}' is not expected in a hierarchy")
        if above:
            self.fail(f"the braces of '{self.names[above[-1]]}' are not closed")

    def begin(self, key: str, words: Iterator[str], above: list[int]) -> None:
        """A joint's name and opening brace."""
        named = []
        while (word := next(words, "{")) != "{":
            named.append(word)
        name = f"{self.names[above[-1]]}_end" if key == "END" else " ".join(named)
        if not name:
            self.fail(f"{key} without a name")
        if len(self.names) == MAX_JOINTS:
            self.fail(f"more than {MAX_JOINTS} joints")
        self.names.append(name)
        self.parents.append(above[-1] if above else -1)
        self.offsets.append([0.0, 0.0, 0.0])
        self.channels.append(())
        above.append(len(self.names) - 1)

    def kinds(self, words: Iterator[str]) -> tuple[int, ...]:
        count = next(words, "")
        if count not in ("0", "1", "2", "3", "4", "5", "6"):
            self.fail(f"CHANNELS {count[:40]}: a joint has 0 to 6")
        kinds = [next(words, "").lower() for _ in range(int(count))]
        if unknown := [kind for kind in kinds if kind not in CHANNELS]:
            self.fail(f"channel '{unknown[0][:40]}' is none of {', '.join(CHANNELS)}")
        if len(set(kinds)) < len(kinds):
            self.fail("a joint has one channel twice")
        return tuple(CHANNELS.index(kind) for kind in kinds)

    def number(self, word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            self.fail(f"'{word[:40]}' is not a number")
        if not isfinite(value) or abs(value) > 1e9:
            self.fail(f"'{word[:40]}' is no length or angle")
        return value

    def motion(self, width: int) -> NDArray[np.float64]:
        """(F, C) the frames, thinned out to what may be kept."""
        count = self.counted("frames:")
        if not count:
            self.fail("there are no frames")
        self.counted("frame time:")
        every = -(-count // min(MAX_FRAMES, max(MAX_VALUES // width, 1)))
        rows = []
        for number in range(count):
            text = self.next_line()
            if text is None:
                self.fail(f"the file ends after {number} of {count} frames; it is cut off")
            if number % every == 0:
                words = text.split()
                if len(words) != width:
                    self.fail(f"{len(words)} numbers where the joints have {width} channels")
                rows.append([self.number(word) for word in words])
        return np.array(rows, np.float64)

    def counted(self, key: str) -> int:
        """The whole part of the number behind `key`."""
        text = " ".join((self.next_line() or "").split())
        if not text.lower().startswith(key):
            self.fail(f"'{key}' was expected")
        value = self.number(text[len(key) :])
        if value < 0:
            self.fail(f"'{key}' must not be negative")
        return int(value)
