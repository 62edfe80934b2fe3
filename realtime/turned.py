"""A source whose pictures are turned and flipped before anybody sees them."""

from collections.abc import Iterator

import cv2
import numpy as np

from engines.geometry import Image
from realtime.frame import Frame
from realtime.gap import Gap
from realtime.source import Source

_TURNS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


class Turned(Source):
    """The frames of `inner`, which it owns, as they would come from a camera held otherwise."""

    def __init__(self, inner: Source, *, flip: bool = False, rotate: int = 0) -> None:
        """
        Args:
            flip: whether left and right change places, after the turn.
            rotate: degrees clockwise: 0, 90, 180 or 270.
        """
        self._inner = inner
        self._flip = flip
        self._rotate = rotate
        self.name, self.live, self.fps = inner.name, inner.live, inner.fps
        width, height = inner.size
        self.size = (height, width) if rotate in (90, 270) else (width, height)
        self.camera = inner.camera
        self.dropped = inner.dropped

    def __iter__(self) -> Iterator[Frame]:
        return (item for item in self.beats() if isinstance(item, Frame))

    def beats(self) -> Iterator[Frame | Gap]:
        for item in self._inner.beats():
            if isinstance(item, Gap):
                yield item
                continue
            self.dropped = self._inner.dropped
            yield Frame(self._turn(item.image), item.index, item.time_ns, item.dropped)

    def close(self) -> None:
        self._inner.close()
        self.dropped = self._inner.dropped

    def _turn(self, image: Image) -> Image:
        turned = cv2.rotate(image, _TURNS[self._rotate]) if self._rotate else image
        return np.asarray(cv2.flip(turned, 1) if self._flip else turned, np.uint8)
