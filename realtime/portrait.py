"""Draws the synthetic head: soft light on skin, hair, a background that drifts."""

from math import cos, sin, tau

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Points
from realtime.brush import Color, curve, fill, oval, stroke
from realtime.features import draw_brows, draw_eye, draw_mouth, draw_nose
from realtime.puppet import Head

_SKINS = ((150, 180, 226), (128, 162, 214), (96, 132, 190), (70, 100, 158), (168, 196, 238))
_HAIRS = ((28, 36, 48), (38, 58, 92), (60, 100, 150), (24, 22, 26), (50, 62, 118))
_IRISES = ((110, 72, 38), (60, 96, 60), (34, 58, 96), (90, 84, 72))
_CLOTHES = ((132, 84, 44), (72, 92, 60), (70, 56, 120), (96, 100, 104))
_PANEL = 256  # side of the precomputed skin, pixels
_SPAN = 1.75  # it covers -_SPAN to +_SPAN of model space
_DRIFT = 40  # pixels the background may move
_LIGHT = np.array([-0.42, -0.5, 0.76])  # towards the light

_BOW = np.linspace(np.pi, 0, 9)[1:-1]  # over the top of the head from the picture's left
_FOREHEAD = np.stack(
    [-1.01 * np.cos(_BOW), -0.28 - 1.08 * np.sin(_BOW), -0.38 + 0.3 * np.sin(_BOW)], axis=1
)
_NECK = np.array([(-0.52, 0.85, -0.45), (0.52, 0.85, -0.45), (0.56, 2.3, -0.6), (-0.56, 2.3, -0.6)])
_NOSE_SIDE = np.array([(0.06, -0.3, 0.1), (0.2, 0.3, 0.2), (0.3, 0.42, 0.1), (0.14, -0.2, 0.0)])
_BRIDGE = np.array(
    [(-0.05, -0.25, 0.24), (0.03, -0.25, 0.24), (0.07, 0.24, 0.5), (-0.08, 0.24, 0.5)]
)

# Light and shade that move with the face: (model polygon, BGR factors with 128 as neutral).
_SHADES = (
    (oval(-0.43, -0.3, 0.0, 0.27, 0.15), (108, 106, 114)),
    (oval(0.43, -0.3, 0.0, 0.27, 0.15), (102, 100, 110)),
    (_NOSE_SIDE, (98, 98, 110)),
    (_NOSE_SIDE * (-1, 1, 1), (116, 116, 122)),
    (oval(0.02, 0.47, 0.2, 0.2, 0.07), (96, 94, 106)),
    (oval(0.0, 0.98, 0.1, 0.22, 0.06), (106, 104, 114)),
    (oval(-0.58, 0.36, 0.0, 0.24, 0.2), (122, 118, 140)),
    (oval(0.58, 0.36, 0.0, 0.24, 0.2), (116, 112, 134)),
    (_BRIDGE, (150, 148, 144)),
    (oval(0.0, 1.42, -0.3, 0.62, 0.16), (78, 76, 92)),
)


class Portrait:
    """One person before one background, by seed; draws any `Head` into frames of `size`."""

    def __init__(self, seed: int, size: tuple[int, int]) -> None:
        rng = np.random.default_rng((seed, 1))
        self._size = size
        self._skin = _pick(_SKINS, rng)
        self._hair = _pick(_HAIRS, rng)
        self._iris = _pick(_IRISES, rng)
        self._cloth = _pick(_CLOTHES, rng)
        self._parting = float(rng.uniform(-0.4, 0.4))
        self._panel = _skin_panel(self._skin, rng)
        self._background = _background(rng, size)
        self._noise = rng.integers(0, 9, (2 * size[1], size[0], 3), np.uint8)

    def draw(self, head: Head, index: int) -> Image:
        """A new frame (H, W, 3) uint8 BGR; `index` moves the background and picks the noise."""
        height = self._size[1]
        image = self._scenery(index)
        points = head.project(head.face())
        self._body(image, head)
        self._head(image, head, points)
        _shade(image, head)
        draw_nose(image, points, self._skin)
        for eye in (points[36:42], points[42:48]):
            draw_eye(image, eye, head, self._iris, self._skin)
        draw_mouth(image, points, head)
        draw_brows(image, points, head.scale, self._hair)
        self._front_hair(image, head)
        start = index * 37 % height
        cv2.add(image, self._noise[start : start + height], dst=image)
        return image

    def _scenery(self, index: int) -> Image:
        width, height = self._size
        x = round(_DRIFT / 2 * (1 + sin(tau * index / 700)))
        y = round(_DRIFT / 2 * (1 + cos(tau * index / 900)))
        return self._background[y : y + height, x : x + width].copy()

    def _body(self, image: Image, head: Head) -> None:
        unit, x = head.scale, 0.75 * head.x + 0.125 * image.shape[1]
        hair = head.project(oval(0, -0.4, -0.55, 1.16, 1.14))
        fill(image, hair, _tint(self._hair, 0.75))
        fill(image, head.project(_NECK), _tint(self._skin, 0.72))
        y, low = head.y + 1.55 * unit, head.y + 3.5 * unit
        shoulders = np.array(
            [
                (x - 2.1 * unit, low), (x - 2.0 * unit, y + 0.75 * unit),
                (x - 1.5 * unit, y + 0.4 * unit), (x - 0.62 * unit, y),
                (x, y + 0.35 * unit), (x + 0.62 * unit, y),
                (x + 1.5 * unit, y + 0.4 * unit), (x + 2.0 * unit, y + 0.75 * unit),
                (x + 2.1 * unit, low),
            ],
            np.float32,
        )  # fmt: skip
        fill(image, curve(shoulders, closed=False), self._cloth)
        stroke(image, curve(shoulders[3:6], closed=False), _tint(self._cloth, 0.7), 0.05 * unit)

    def _head(self, image: Image, head: Head, points: Points) -> None:
        for side in (-1, 1):
            ear = head.project(oval(1.0 * side, -0.02, -0.42, 0.14, 0.27))
            fill(image, ear, _tint(self._skin, 0.78 + 0.06 * side))
        outline = curve(
            np.concatenate([points[:17], head.project(_FOREHEAD)]).astype(np.float32), closed=True
        )
        box = _box(outline, image, 2)
        patch = image[box]
        mask = np.zeros(patch.shape[:2], np.uint8)
        corner = np.array([box[1].start, box[0].start], np.float32)
        fill(mask, outline - corner, (255, 255, 255))
        cv2.copyTo(self._skin_patch(head, corner, patch.shape), mask, patch)
        edge = np.concatenate([outline, outline[:1]])
        stroke(image, edge, _tint(self._skin, 0.7), 1)

    def _skin_patch(self, head: Head, corner: Points, shape: tuple[int, ...]) -> Image:
        """The panel laid over the head, for the patch of the frame that begins at `corner`."""
        half = _PANEL / 2
        grow = head.scale * _SPAN / half
        c, s = grow * cos(head.roll), grow * sin(head.roll)
        x, y = head.x - corner[0], head.y - corner[1]
        matrix = np.array([[c, -s, x - half * (c - s)], [s, c, y - half * (s + c)]])
        size = (shape[1], shape[0])
        patch = cv2.warpAffine(self._panel, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(patch, np.uint8)

    def _front_hair(self, image: Image, head: Head) -> None:
        top = _FOREHEAD * (1.07, 1.07, 1.0) - (0, 0.03, 0.02)
        line = np.array(
            [(-0.99, -0.3, -0.34), (-0.86, -0.74, -0.1), (-0.45, -0.98, 0.06),
             (self._parting, -1.12, 0.05), (0.45, -0.98, 0.06), (0.86, -0.74, -0.1),
             (0.99, -0.3, -0.34)]
        )  # fmt: skip
        ends = np.array([(1.1, -0.28, -0.4), (-1.1, -0.28, -0.4)])
        crown = np.concatenate([line, ends[:1], top, ends[1:]])
        fill(image, curve(head.project(crown), closed=True), self._hair)
        root = np.array([self._parting, -1.16, 0.04])
        for strand, tip in enumerate((*top[::2], *line[1:-1:2])):
            bend = (root + tip) / 2 + (0, -0.1, 0.05)
            path = head.project(np.stack([root, bend, tip]))
            tone = _tint(self._hair, 1.45 if strand % 2 else 0.7)
            stroke(image, curve(path, closed=False), tone, 0.02 * head.scale)


def _shade(image: Image, head: Head) -> None:
    """Multiply the head with blurred light and shade, worked out at a quarter of the size."""
    reach = np.array([(-1.2, -1.4, 0), (1.2, -1.4, 0), (1.2, 1.75, 0), (-1.2, 1.75, 0)])
    box = _box(head.project(reach), image, 0)
    patch = image[box]
    small = np.full((patch.shape[0] // 4 + 1, patch.shape[1] // 4 + 1, 3), 128, np.uint8)
    corner = np.array([box[1].start, box[0].start], np.float32)
    for shape, factors in _SHADES:
        fill(small, (head.project(shape) - corner) / 4, factors)
    blur = max(1, round(head.scale / 34)) * 2 + 1
    soft = cv2.resize(cv2.blur(cv2.blur(small, (blur, blur)), (blur, blur)), patch.shape[1::-1])
    cv2.multiply(patch, soft, dst=patch, scale=1 / 128)


def _skin_panel(skin: Color, rng: np.random.Generator) -> Image:
    """(256, 256, 3): the skin of a lit egg, with pores and freckles."""
    grid = np.linspace(-_SPAN, _SPAN, _PANEL)
    x, y = np.meshgrid(grid / 1.22, (grid + 0.1) / 1.62)
    z = np.sqrt(np.maximum(0.0, 1 - x**2 - y**2))
    light = np.maximum(0.0, np.stack([x, y, z], axis=-1) @ _LIGHT)
    grain = cv2.GaussianBlur(rng.normal(0, 1, (_PANEL, _PANEL)), (0, 0), 1.2)
    shade = 0.5 + 0.62 * light + 0.03 * grain
    gloss = 46 * np.maximum(0.0, light - 0.86) / 0.14
    warm = np.array([0.94, 0.97, 1.03]) ** (2 - 2 * light[..., None])  # shade is redder than light
    panel = shade[..., None] * warm * skin + gloss[..., None]
    return np.asarray(np.clip(panel, 0, 255), np.uint8)


def _background(rng: np.random.Generator, size: tuple[int, int]) -> Image:
    """A room out of focus: broad colours, furniture edges, lamps."""
    width, height = size[0] + _DRIFT + 1, size[1] + _DRIFT + 1
    walls = rng.uniform(60, 150, (4, 5, 1)) + rng.uniform(-14, 14, (4, 5, 3))
    walls += rng.uniform(-16, 16, 3)
    image = cv2.resize(walls.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(7):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        wide, high = (int(side) for side in rng.integers(20, 140, 2))
        tone = [int(value) for value in rng.integers(50, 150) + rng.integers(-25, 25, 3)]
        cv2.rectangle(image, (x, y), (x + wide, y + high), tone, -1)
    image = cv2.GaussianBlur(image, (0, 0), 6)
    for _ in range(9):
        x, y, radius = int(rng.integers(width)), int(rng.integers(height)), int(rng.integers(6, 22))
        lamp = image.copy()
        cv2.circle(lamp, (x, y), radius, (150, 200, 235), -1, cv2.LINE_AA)
        image = cv2.addWeighted(lamp, 0.35, image, 0.65, 0)
    image = cv2.GaussianBlur(image, (0, 0), 2)
    grain = rng.normal(0, 3, (height, width, 1))
    return np.asarray(np.clip(image + grain, 0, 255), np.uint8)


def _pick(colors: tuple[Color, ...], rng: np.random.Generator) -> Color:
    return colors[int(rng.integers(len(colors)))]


def _tint(color: Color, factor: float) -> Color:
    b, g, r = (min(255, round(channel * factor)) for channel in color)
    return b, g, r


def _box(points: NDArray[np.float32], image: Image, border: int) -> tuple[slice, slice]:
    """The part of `image` that holds `points` (N, 2), at least one pixel of it."""
    height, width = image.shape[:2]
    low, high = points.min(axis=0) - border, points.max(axis=0) + border + 1
    x0, y0 = int(np.clip(low[0], 0, width - 1)), int(np.clip(low[1], 0, height - 1))
    x1, y1 = int(np.clip(high[0], x0 + 1, width)), int(np.clip(high[1], y0 + 1, height))
    return slice(y0, y1), slice(x0, x1)
