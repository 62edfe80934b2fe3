"""Large frames made as small as they are shown, while the network still looks for the keypoints."""

from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import numpy as np

from engines.geometry import Image

LARGE = 2  # times the width that is shown: from there on it is worth a thread
SPARSE = 3  # times the height that is shown: from there on rows are left out


def shrink(image: Image, size: tuple[int, int]) -> Image:
    """`image` (H, W, 3) in (width, height) pixels, no larger than it is; a new picture.

    Bilinear: what would alias is lost on a preview, and an area mean takes four times as long.
    Where most rows would be read for nothing, only each block's middle row is.
    """
    every = image.shape[0] // size[1]
    if every >= SPARSE:
        image = image[every // 2 :: every]
    return np.asarray(cv2.resize(image, size), np.uint8)


class Shrinker:
    """Shrinks one picture at a time, ahead of its being drawn if it is large."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._begun: tuple[Image, tuple[int, int], Future[Image]] | None = None

    def begin(self, image: Image, size: tuple[int, int]) -> None:
        """Start on a picture that `take` will be asked for, unless that is done in no time."""
        if image.shape[1] < LARGE * size[0]:
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="shrink")
        self._begun = (image, size, self._thread.submit(shrink, image, size))

    def take(self, image: Image, size: tuple[int, int]) -> Image:
        """`image` in `size`; a new picture, the caller's to draw on."""
        begun, self._begun = self._begun, None
        if begun is not None and begun[0] is image and begun[1] == size:
            shrinking = begun[2]
            if not shrinking.cancel():  # not begun where the machine is busy: then do it here
                return shrinking.result()
        return shrink(image, size)
