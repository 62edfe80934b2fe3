"""Scenes with known faces: heads cut from real clips, pasted on moving backgrounds.

The truth is what the model itself finds in the clip before anything is pasted, so errors here are
the tracker's, not the model's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines import Engine, Roi
from engines.geometry import Image, Points, crop, to_crop, to_frame
from realtime.source import open_source
from realtime.tracker import Tracker

FRAME_NS = 33_333_333
SIZE = (640, 480)  # of a scene, pixels
HEAD = 2.2  # side of what is cut out, in sides of the pose's box
HEAD_PX = 384  # the same as it is kept
SURE = 0.75  # mean confidence from which a clip's pose is taken for the truth
SMALLEST, LARGEST = 1 / 8, 1.0  # height of a face, in heights of the frame
MOST_TURNED = radians(60)


@dataclass(frozen=True, eq=False)
class Head:
    """One head in n frames.

    Attributes:
        images: (HEAD_PX, HEAD_PX, 3) uint8 BGR each.
        points: (n, K, 2) float32, crop space of the images.
    """

    images: list[Image]
    points: Points

    @property
    def tall(self) -> float:
        """Height of the face, in halves of the image, at the median."""
        return float(np.median(np.ptp(self.points[..., 1], axis=1)))


def heads(clips: Sequence[Path], engine: Engine, frames: int = 90) -> list[Head]:
    """The head of each clip in which the model is sure of one throughout."""
    found = []
    for clip in clips:
        tracker, images, points = Tracker(engine, smooth=False), [], []
        place: Roi | None = None
        with open_source(str(clip)) as source:
            for frame, _ in zip(source, range(frames), strict=False):
                pose = tracker.track(frame)
                if pose.raw_px is None or pose.confidence is None:
                    continue
                if pose.confidence.mean() >= SURE:
                    place = place or Roi.around(pose.raw_px, HEAD)
                    images.append(crop(frame.image, place, HEAD_PX))
                    points.append(to_crop(pose.raw_px, place))
        if len(images) > frames / 2:
            found.append(Head(images, np.stack(points)))
    return found


@dataclass(frozen=True, kw_only=True)
class Course:
    """Where a head is and goes: it sways about a middle, in heights of the frame and radians."""

    x: float
    y: float
    tall: float
    angle: float
    sway: float
    spin: float
    phase: float

    @classmethod
    def random(cls, rng: np.random.Generator, most_turned: float = MOST_TURNED) -> "Course":
        width = SIZE[0] / SIZE[1]
        tall = float(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))))
        room_x, room_y = max(width - 1.1 * tall, 0) / 2, max(1 - 1.1 * tall, 0) / 2
        x = width / 2 + rng.uniform(-room_x, room_x)
        y = 0.5 + rng.uniform(-room_y, room_y)
        angle = rng.uniform(-most_turned, most_turned)
        sway, spin = rng.uniform(0.05, 0.3) * tall, rng.uniform(0, 0.25)
        phase = rng.uniform(0, 2 * pi)
        return cls(x=x, y=y, tall=tall, angle=angle, sway=sway, spin=spin, phase=phase)

    @classmethod
    def beside(cls, rng: np.random.Generator, many: int) -> list["Course"]:
        """Faces of a size that lets all of them be seen, from left to right."""
        width = SIZE[0] / SIZE[1]
        part = width / many
        courses = []
        for number in range(many):
            tall = float(rng.uniform(0.25, 0.65)) * part
            x, y = (number + 0.5) * part, float(rng.uniform(0.4, 0.6))
            angle, phase = rng.uniform(-0.4, 0.4), rng.uniform(0, 2 * pi)
            courses.append(
                cls(x=x, y=y, tall=tall, angle=angle, sway=0.1 * tall, spin=0.1, phase=phase)
            )
        return courses

    def roi(self, head: Head, t: int) -> Roi:
        """The square of the frame that the head's image fills at frame `t`."""
        high = SIZE[1]
        x = self.x + self.sway * (sin(t / 13 + self.phase) - sin(self.phase))
        y = self.y + self.sway * (cos(t / 17 + self.phase) - cos(self.phase)) / 2
        size = 2 * self.tall / head.tall * (1 + 0.1 * sin(t / 23))
        angle = self.angle + self.spin * sin(t / 19)
        return Roi(x * high, y * high, size * high, angle)


def _mask(side: int) -> NDArray[np.uint8]:
    """(side, side): a disc with soft edges."""
    grid = np.abs(np.linspace(-1, 1, side))
    away = np.hypot(*np.meshgrid(grid, grid))
    return (255 * np.clip((0.98 - away) / 0.12, 0, 1)).astype(np.uint8)


MASK = _mask(HEAD_PX)


def paste(image: Image, head: Image, roi: Roi) -> None:
    """Lay the head over `roi` of the image, with soft edges."""
    height, width = image.shape[:2]
    reach = roi.size / 2
    x0, x1 = int(max(roi.x - reach, 0)), int(min(roi.x + reach + 2, width))
    y0, y1 = int(max(roi.y - reach, 0)), int(min(roi.y + reach + 2, height))
    if x1 <= x0 or y1 <= y0:
        return
    mask, factor = MASK, int(HEAD_PX // roi.size)
    if factor > 1:
        small = (HEAD_PX // factor,) * 2
        head, mask = (cv2.resize(own, small, interpolation=cv2.INTER_AREA) for own in (head, mask))
    side = len(head)
    corners = to_frame(np.float32([[-1, -1], [1, -1], [-1, 1]]), roi) - np.float32([x0, y0])
    matrix = cv2.getAffineTransform(np.float32([[0, 0], [side, 0], [0, side]]) - 0.5, corners)
    part = image[y0:y1, x0:x1]
    size = part.shape[1::-1]
    laid = cv2.warpAffine(head, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(mask, matrix, size).astype(np.float32)[..., None] / 255
    part[:] = (laid * alpha + part * (1 - alpha)).astype(np.uint8)


def backgrounds(rng: np.random.Generator, film: Sequence[Image] = ()) -> Iterator[Image]:
    """An endless moving background: blurred noise, a gradient or hard shapes that pan, or `film`,
    there and back."""
    width, height = SIZE
    kind = rng.integers(4 if film else 3)
    if kind == 3:
        start, count = int(rng.integers(len(film))), len(film)
        t = start
        while True:
            at = t % (2 * count)
            yield film[at if at < count else 2 * count - 1 - at].copy()
            t += 1
    wall = _wall(kind, rng, 2 * width, 2 * height)
    phase, speed = rng.uniform(0, 2 * pi, 2), rng.uniform(0.005, 0.04, 2)
    t = 0
    while True:
        x = round(width / 2 * (1 + sin(t * speed[0] + phase[0])))
        y = round(height / 2 * (1 + sin(t * speed[1] + phase[1])))
        yield wall[y : y + height, x : x + width].copy()
        t += 1


def _wall(kind: int, rng: np.random.Generator, width: int, height: int) -> Image:
    grain = int(rng.choice([4, 8, 16, 32, 64]))
    if kind == 0:  # blurred noise
        noise = rng.integers(0, 256, (height // grain + 2, width // grain + 2, 3))
        image = cv2.resize(noise.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    elif kind == 1:  # gradient
        ends = rng.integers(0, 256, (2, 2, 3)).astype(np.uint8)
        image = cv2.resize(ends, (width, height), interpolation=cv2.INTER_LINEAR)
    else:  # hard shapes, some of them round and in skin's colours
        image = np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
        for _ in range(60):
            at = (int(rng.integers(width)), int(rng.integers(height)))
            axes = (int(rng.integers(10, 150)), int(rng.integers(10, 150)))
            skin = np.array((130, 165, 215)) * rng.uniform(0.4, 1.1)
            color = skin if rng.random() < 0.5 else rng.integers(0, 256, 3)
            turn = float(rng.uniform(0, 180))
            cv2.ellipse(image, at, axes, turn, 0, 360, color.tolist(), -1, cv2.LINE_AA)
    grain_of = rng.integers(0, int(rng.integers(1, 20)), image.shape, np.uint8)
    return np.asarray(cv2.add(image, grain_of), np.uint8)


def film_of(video: Path, frames: int = 300) -> list[Image]:
    """The first frames of a video, at the size of the scenes."""
    with open_source(str(video)) as source:
        return [
            np.asarray(cv2.resize(frame.image, SIZE), np.uint8)
            for frame, _ in zip(source, range(frames), strict=False)
        ]
