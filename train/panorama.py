"""The subject before a moving camera: backgrounds joined from many frames, and what differs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Roi
from train.camera import Landmarks, Matrix, greyed
from train.subject import WORK_SIDE, evenly, shrunk, subject_square

LEAST_OVERLAP = 0.55  # of a frame with the first of its shot
MOST_FRAMES = 600  # of a shot, kept small in memory
BACKGROUND_FRAMES = 40
LEAST_SEEN = 5  # frames that must show a place for its background to be known


@dataclass(frozen=True, eq=False)
class Sighting:
    """The subject in one frame.

    Attributes:
        roi: its square, frame pixels; None where nothing was found.
        place: (x, y) of the square in the first frame of the shot: free of the camera's motion.
        shot: number of the stretch of frames that share a background.
    """

    roi: Roi | None
    place: tuple[float, float]
    shot: int


@dataclass(eq=False)
class _Shot:
    """Frames that look at about one place, with the way from each to the first."""

    marks: Landmarks
    frames: list[Image] = field(default_factory=list)
    ways: list[Matrix] = field(default_factory=list)

    def add(self, small: Image, way: Matrix) -> None:
        self.frames.append(small)
        self.ways.append(way)


def follow(frames: Iterable[Image]) -> Iterator[Sighting]:
    """What moves before the background in each of `frames`, whatever the camera does.

    Frames are registered to the first of their shot; a shot ends where too little of its first
    frame is still seen, at cuts, and after `MOST_FRAMES`. The pixelwise median of a shot's frames
    in the first one's place is its background, as wide as the camera has looked.
    """
    shot: _Shot | None = None
    factor, number = 1.0, 0
    for frame in frames:
        factor = min(1.0, WORK_SIDE / max(frame.shape[:2]))
        small = shrunk(frame, factor)
        way = None if shot is None else _next_way(shot, small)
        if way is None:
            if shot is not None:
                yield from _sightings(shot, factor, number)
                number += 1
            shot, way = _Shot(Landmarks.of(greyed(small))), np.eye(2, 3)
        assert shot is not None
        shot.add(small, way)
    if shot is not None:
        yield from _sightings(shot, factor, number)


def _next_way(shot: _Shot, small: Image) -> Matrix | None:
    """From the next frame's pixels to those of the shot's first; None where the shot is over."""
    if len(shot.frames) >= MOST_FRAMES or small.shape != shot.frames[0].shape:
        return None
    way = shot.marks.register(greyed(small), shot.ways[-1])
    return way if way is not None and _overlap(way, small) >= LEAST_OVERLAP else None


def _overlap(way: Matrix, small: Image) -> float:
    height, width = small.shape[:2]
    own = _corners(width, height)
    shared, _ = cv2.intersectConvexConvex(own, cv2.transform(own, way).astype(np.float32))
    return shared / (width * height)


def _corners(width: int, height: int) -> NDArray[np.float32]:
    box = [[[0, 0]], [[width - 1, 0]], [[width - 1, height - 1]], [[0, height - 1]]]
    return np.array(box, np.float32)


def _sightings(shot: _Shot, factor: float, number: int) -> Iterator[Sighting]:
    background, seen, origin = _background(shot)
    height, width = shot.frames[0].shape[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for small, way in zip(shot.frames, shot.ways, strict=True):
        view = way - np.array([[0, 0, origin[0]], [0, 0, origin[1]]])
        behind = cv2.warpAffine(background, view, (width, height), flags=flags)
        known = cv2.warpAffine(seen, view, (width, height), flags=flags) >= LEAST_SEEN
        difference = cv2.absdiff(small, behind).max(axis=2)
        difference[cv2.erode(known.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0] = 0
        roi = subject_square(difference, factor)
        place = (0.0, 0.0)
        if roi is not None:
            there = cv2.transform(np.array([[[roi.x * factor, roi.y * factor]]]), way)[0, 0]
            place = float(there[0] / factor), float(there[1] / factor)
        yield Sighting(roi, place, number)


def _background(shot: _Shot) -> tuple[Image, NDArray[np.uint8], NDArray[np.float64]]:
    """The shot's background, how many frames show each of its pixels, and where its top-left
    pixel lies in the first frame."""
    height, width = shot.frames[0].shape[:2]
    box = _corners(width, height)
    reached = np.concatenate([cv2.transform(box, way)[:, 0] for way in shot.ways])
    low, high = np.floor(reached.min(axis=0)), np.ceil(reached.max(axis=0))
    side = (int(high[0] - low[0]) + 1, int(high[1] - low[1]) + 1)
    chosen = evenly(len(shot.frames), BACKGROUND_FRAMES)
    stack = np.full((len(chosen), side[1], side[0], 3), 255, np.uint8)  # unseen sorts last
    seen = np.zeros((side[1], side[0]), np.uint8)
    full = np.ones((height, width), np.uint8)
    for layer, n in zip(stack, chosen, strict=True):
        view = shot.ways[n] - np.array([[0, 0, low[0]], [0, 0, low[1]]])
        shown = cv2.warpAffine(full, view, side, flags=cv2.INTER_NEAREST)
        cv2.copyTo(cv2.warpAffine(shot.frames[n], view, side), shown, layer)
        seen += shown
    stack.sort(axis=0)
    middle = np.maximum(seen.astype(np.int64) - 1, 0)[None, :, :, None] // 2
    return np.take_along_axis(stack, middle, axis=0)[0], seen, low
