"""The pictures that are re-posed, and where their keypoints are."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from engines.engine import Engine
from engines.errors import DataError
from engines.geometry import Image, Points, Roi
from engines.search import search_rois
from realtime.frame import Frame, State
from realtime.portrait import Portrait
from realtime.puppet import Head
from realtime.repose.picture import read_chosen
from realtime.searcher import SEARCH_CROPS
from realtime.tracker import Tracker

BUILT_IN = "portrait:"  # drawn by keycam; a number after it draws another person
SIDES = (480, 1280)  # least and most of the longer side of the picture that comes out
LEAST_BODY_PX = 40  # larger side of the box round the keypoints
SETTLE = 4  # looks after the subject was found, from which the last is taken
_DRAWN = re.compile(rf"{BUILT_IN}([0-9]{{0,6}})")
_DRAWN_SIZE = (480, 480)

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, kw_only=True)
class Reference:
    """A picture and its keypoints.

    Attributes:
        name: what the user called it, without its folder.
        picture: (H, W, 3) uint8 BGR, both sides even.
        keypoints_px: (K, 2) float32, pixels of the picture.
    """

    name: str
    picture: Image
    keypoints_px: Points

    def roi(self, margin: float) -> Roi:
        """The square that the decoder redraws, moved to whole pixels: it is laid back exactly."""
        roi = Roi.around(self.keypoints_px, margin)
        size = max(round(roi.size), 1)
        half = (size - 1) / 2
        return Roi(round(roi.x - half) + half, round(roi.y - half) + half, size)


def open_references(texts: Sequence[str], engine: Engine) -> tuple[Reference, ...]:
    """Read pictures and find the subject in each; all get the size of the first.

    Args:
        texts: files, or `portrait:` with a number for a drawn person; at least one.
        engine: of the tracker, the caller's to close.

    Raises:
        DataError: not a picture of use, or nothing like the model's subject is in it.
    """
    pictures = [_read(text) for text in texts]
    size = canvas_size(pictures[0])
    names = [text if _DRAWN.fullmatch(text) else Path(text).name for text in texts]
    return tuple(
        Reference(name=name, picture=own, keypoints_px=find(own, engine, text))
        for name, text, own in zip(
            names, texts, map(partial(fitted, size=size), pictures), strict=True
        )
    )


def _read(text: str) -> Image:
    if text.startswith(BUILT_IN) and not Path(text).exists():
        match = _DRAWN.fullmatch(text)
        if match is None:
            raise DataError(f"{text}: say {BUILT_IN} with a number, as in {BUILT_IN}3")
        return draw_portrait(int(match[1] or 0))
    return read_chosen(Path(text))


def draw_portrait(seed: int) -> Image:
    """(480, 480, 3) uint8 BGR: a drawn person who looks into the camera at rest."""
    width, height = _DRAWN_SIZE
    head = Head(
        x=width / 2, y=0.47 * height, scale=0.17 * width, yaw=0, pitch=0, roll=0,
        blink=0, mouth=0, smile=0, brow=0, gaze=(0, 0),
    )  # fmt: skip
    return Portrait(seed, _DRAWN_SIZE).draw(head, 0)


def find(picture: Image, engine: Engine, name: str) -> Points:
    """(K, 2) float32 pixels of `picture`: the keypoints of the most likely subject in it.

    Raises:
        DataError: there is none, or it is too small to be redrawn.
    """
    tracker = Tracker(engine, smooth=False)
    sweep = -(-len(search_rois(picture.shape[1], picture.shape[0])) // SEARCH_CROPS)
    points, looks = None, 0
    for number in range(sweep + SETTLE):
        pose = tracker.track(Frame(picture, number, number * 33_000_000))
        if pose.state is State.TRACK:
            points, looks = pose.raw_px, looks + 1
        if looks > SETTLE:
            break
    subject = engine.card.skeleton.name
    if points is None:
        raise DataError(
            f"{name}: no {subject} found in it by {engine.card.name}; choose a picture that shows "
            "one whole, upright and from the front"
        )
    if (body := float(np.ptp(points, axis=0).max())) < LEAST_BODY_PX:
        raise DataError(
            f"{name}: its {subject} is only {body:.0f} pixels large; cut the picture closer"
        )
    return points


def canvas_size(picture: Image) -> tuple[int, int]:
    """(width, height), both even: the picture's own, with its longer side brought into SIDES."""
    height, width = picture.shape[:2]
    longer = max(width, height)
    scale = min(max(longer, SIDES[0]), SIDES[1]) / longer
    return max(round(width * scale / 2) * 2, 2), max(round(height * scale / 2) * 2, 2)


def fitted(picture: Image, size: tuple[int, int]) -> Image:
    """The whole picture in the middle of `size`, before a dim and blurred one that fills it."""
    (width, height), (own_height, own_width) = size, picture.shape[:2]
    if (width, height) == (own_width, own_height):
        return picture
    scale = min(width / own_width, height / own_height)
    inner = max(round(own_width * scale), 1), max(round(own_height * scale), 1)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    middle = np.asarray(cv2.resize(picture, inner, interpolation=method), np.uint8)
    if max(abs(width - inner[0]), abs(height - inner[1])) <= 2:  # but for rounding, it fills it
        return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)
    ground = cv2.GaussianBlur(cv2.resize(picture, size), (0, 0), max(size) / 24)
    canvas = np.asarray(cv2.convertScaleAbs(ground, alpha=0.5), np.uint8)
    x, y = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[y : y + inner[1], x : x + inner[0]] = middle
    return canvas
