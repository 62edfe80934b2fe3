"""How the re-posed picture and the driver's are put together."""

from typing import Literal, get_args

import cv2
import numpy as np

from engines.geometry import Image

Layout = Literal["beside", "inset", "alone"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
INSET = 0.28  # width of the inset over that of the re-posed picture
_RIM = (235, 235, 235)


class Arrangement:
    """Puts two pictures of fixed sizes into one.

    beside  the driver's at the left, as high as the re-posed one
    inset   the driver's small in the right upper corner
    alone   the re-posed one

    Attributes:
        size: (width, height) of what comes out, pixels, both even if the re-posed picture's are.
        driver: (width, height) that the driver's picture gets in it.
    """

    def __init__(self, layout: Layout, reposed: tuple[int, int], driver: tuple[int, int]) -> None:
        """
        Args:
            reposed, driver: (width, height) of the two pictures; another driver's is stretched.
        """
        width, height = reposed
        self.layout = layout
        share = height / driver[1] if layout == "beside" else INSET * width / driver[0]
        self.driver = (max(round(driver[0] * share / 2) * 2, 2), max(round(driver[1] * share), 1))
        if layout == "beside":
            self.driver = (self.driver[0], height)
            width += self.driver[0]
        self.size = (width, height)

    def put(self, reposed: Image, driver: Image | None) -> Image:
        """A new picture, or `reposed` (H, W, 3) uint8 BGR itself, which may be drawn on.

        Args:
            driver: (h, w, 3) uint8 BGR; None where the layout has no place for it.
        """
        if self.layout == "alone" or driver is None:
            return reposed
        shrinks = self.driver[0] < driver.shape[1]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        small = np.asarray(cv2.resize(driver, self.driver, interpolation=method), np.uint8)
        if self.layout == "beside":
            return np.concatenate([small, reposed], axis=1)
        gap = max(self.size[0] // 60, 2)
        top, right = gap, self.size[0] - gap
        corner = reposed[top : top + small.shape[0], max(right - small.shape[1], 0) : right]
        corner[:] = small[: corner.shape[0], : corner.shape[1]]
        cv2.rectangle(corner, (0, 0), (corner.shape[1] - 1, corner.shape[0] - 1), _RIM, 1)
        return reposed
