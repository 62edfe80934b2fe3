"""Draws what the 68 points mark inside a face: eyes, brows, nose and mouth."""

import cv2
import numpy as np

from engines.geometry import Image, Points
from realtime.brush import Color, curve, fill, stroke
from realtime.puppet import Head

_WHITE = (226, 230, 232)
_LASHES = (26, 26, 32)
_LIP = (92, 92, 186)
_LOWER_LIP = (108, 108, 204)
_THROAT = (30, 26, 62)
_TEETH = (214, 224, 230)
_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_RING = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


def draw_eye(image: Image, eye: Points, head: Head, iris: Color, skin: Color) -> None:
    """`eye` (6, 2): corner, two of the upper lid, corner, two of the lower lid; frame pixels."""
    unit = head.scale
    lids = curve(eye, closed=True)
    origin = np.floor(lids.min(axis=0)) - 2
    wide, high = (int(side) for side in np.ceil(lids.max(axis=0)) + 3 - origin)
    x, y = int(origin[0]), int(origin[1])
    if x < 0 or y < 0 or x + wide > image.shape[1] or y + high > image.shape[0]:
        return
    patch = image[y : y + high, x : x + wide]
    ball = np.full_like(patch, _WHITE)
    centre = eye.mean(axis=0) - origin + np.array(head.gaze, np.float32) * (0.07, 0.03) * unit
    for radius, color in ((0.115, _dark(iris, 0.6)), (0.1, iris), (0.045, (14, 12, 12))):
        fill(ball, _disc(centre, radius * unit), color)
    fill(ball, _disc(centre - np.float32(0.037 * unit), 0.025 * unit), (250, 250, 250))
    mask = np.zeros(patch.shape[:2], np.uint8)
    fill(mask, lids - origin, (255, 255, 255))
    cv2.copyTo(ball, mask, patch)
    upper, lower = curve(eye[[0, 1, 2, 3]], closed=False), curve(eye[[3, 4, 5, 0]], closed=False)
    stroke(image, lower, _dark(skin, 0.55), 0.015 * unit)
    stroke(image, upper, _LASHES, 0.045 * unit)
    stroke(image, upper - (0, 0.075 * unit), _dark(skin, 0.68), 0.02 * unit)


def draw_brows(image: Image, points: Points, unit: float, hair: Color) -> None:
    """Two tapering brows along points 17 to 26; `unit` is pixels per model unit."""
    taper = np.array([[0.012], [0.05], [0.06], [0.055], [0.035]], np.float32) * unit
    for brow, thick in ((points[17:22], taper), (points[22:27], taper[::-1])):
        band = np.concatenate([brow - thick * (0, 1), (brow + thick * (0, 0.7))[::-1]])
        fill(image, curve(band.astype(np.float32), closed=True), _dark(hair, 0.85))


def draw_nose(image: Image, points: Points, skin: Color) -> None:
    """Wings, nostrils and the edge beneath the tip."""
    unit = float(np.linalg.norm(points[35] - points[31])) / 0.4
    dark = _dark(skin, 0.55)
    stroke(image, curve(points[31:36], closed=False), dark, 0.025 * unit)
    for wing, nostril, side in ((31, 32, -1), (35, 34, 1)):
        outer = points[[wing, wing, wing]] + np.array(
            [(0, 0), (0.06 * side, -0.06), (0.03 * side, -0.15)], np.float32
        ) * np.float32(unit)
        stroke(image, curve(outer, closed=False), _dark(skin, 0.62), 0.02 * unit)
        hole = (points[wing] + points[nostril]) / 2 + (0.02 * side * unit, -0.01 * unit)
        fill(image, _disc(hole, 0.042 * unit), _dark(skin, 0.32))


def draw_mouth(image: Image, points: Points, head: Head) -> None:
    """Lips between the outer (48 to 59) and inner (60 to 67) lines, teeth when they part."""
    outer, inner = points[48:60], points[60:68]
    fill(image, curve(outer, closed=True), _LIP)
    lower = np.concatenate([outer[6:], outer[:1], inner[:1], inner[:3:-1], inner[4:5]])
    fill(image, lower, _LOWER_LIP)
    gloss = curve((outer[7:10] + inner[[5, 6, 7]]) / 2, closed=False)
    stroke(image, gloss, (150, 150, 230), 0.03 * head.scale)
    fill(image, curve(inner, closed=True), _THROAT)
    gap = inner[[7, 6, 5]] - inner[[1, 2, 3]]
    if head.mouth > 0.15:
        row = np.concatenate([inner[1:4], (inner[1:4] + 0.38 * gap)[::-1]])
        fill(image, row, _TEETH)
    stroke(image, curve(inner[:5], closed=False), (44, 38, 92), 0.025 * head.scale)
    stroke(image, curve(outer[:7], closed=False), (84, 84, 160), 1)


def _disc(centre: Points, radius: float) -> Points:
    return (_RING * radius + centre).astype(np.float32)


def _dark(color: Color, factor: float) -> Color:
    b, g, r = (round(channel * factor) for channel in color)
    return b, g, r
