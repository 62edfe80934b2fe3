"""One window for several loops: each gives its newest picture, one thread shows them all."""

from collections.abc import Callable, Sequence
from math import ceil, sqrt
from threading import Condition

import cv2
import numpy as np

from engines.geometry import Image
from realtime.controls import Action
from realtime.frame import Frame
from realtime.screen import Output

WALL_PX = (1920, 1080)  # that the window's picture is to fit into
BEAT_S = 0.05  # at least so often the window's keys are looked at


class Tile:
    """The view of one loop, on its thread.

    Attributes:
        ask: called with what the window's keys stand for; see `realtime.keys`.
        room: (width, height) of its part of the window's picture.
        newest: what it shows, and of which frame.
    """

    def __init__(self, changed: Condition, room: tuple[int, int]) -> None:
        self.ask: Callable[[Action], None] | None = None
        self.room = room
        self.newest: tuple[Image, Frame] | None = None
        self._changed = changed

    def show(self, picture: Image, frame: Frame) -> None:
        with self._changed:
            self.newest = picture, frame
            self._changed.notify_all()

    def close(self) -> None:
        pass


class Wall:
    """The tiles side by side.

    Attributes:
        tiles: one for each loop.
    """

    def __init__(self, count: int) -> None:
        columns, rows = _grid(count)
        room = WALL_PX[0] // columns, WALL_PX[1] // rows
        self._changed = Condition()
        self.tiles = [Tile(self._changed, room) for _ in range(count)]

    def ask(self, action: Action) -> None:
        """Ask every loop."""
        for tile in self.tiles:
            if tile.ask is not None:
                tile.ask(action)

    def show(self, window: Output, running: Callable[[], bool]) -> None:
        """Show the tiles in `window` while `running`; on the thread that made the window."""
        shown: list[int] = []
        while running():
            with self._changed:
                if [id(tile.newest) for tile in self.tiles] == shown:
                    self._changed.wait(BEAT_S)
                newest = [tile.newest for tile in self.tiles]
            there = [own for own in newest if own is not None]
            if there:
                pictures = [None if own is None else own[0] for own in newest]
                window.show(tiled(pictures), there[-1][1])
            shown = [id(own) for own in newest]


def tiled(pictures: Sequence[Image | None]) -> Image:
    """Pictures (H, W, 3) uint8 in a grid, each as large as fits, in cells of the first one's size.

    None leaves its cell black. At least one must be there.
    """
    columns, rows = _grid(len(pictures))
    height, width = next(own.shape[:2] for own in pictures if own is not None)
    wall = np.zeros((rows * height, columns * width, 3), np.uint8)
    for number, picture in enumerate(pictures):
        if picture is None:
            continue
        row, column = divmod(number, columns)
        cell = wall[row * height : (row + 1) * height, column * width : (column + 1) * width]
        _fit(picture, cell)
    return wall


def _grid(count: int) -> tuple[int, int]:
    """Columns and rows for so many tiles."""
    columns = ceil(sqrt(count))
    return columns, ceil(count / columns)


def _fit(picture: Image, cell: Image) -> None:
    """Draw a picture into the middle of a cell."""
    (high, wide), (height, width) = picture.shape[:2], cell.shape[:2]
    scale = min(height / high, width / wide)
    size = max(round(wide * scale), 1), max(round(high * scale), 1)
    own = (
        picture if size == (wide, high) else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    )
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    cell[y : y + size[1], x : x + size[0]] = own
