"""Contact sheets: frames with the skeleton over them, as pictures inside a page."""

import base64
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Points, Roi, crop, to_crop
from engines.skeleton import Skeleton
from train.evidence import Told

TILE = 220
GAP = 6
QUALITY = 82
SHARP = 4  # drawn at so many times the size, then shrunk
DENSE = 30  # skeletons with more keypoints get thinner strokes
GROUND = (20, 17, 15)


def jpeg(picture: Image) -> str:
    """A picture as the address of an <img>, its data inside."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def png_as_jpeg(path: Path) -> str | None:
    """A stored picture, much smaller; None where it cannot be read."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if picture is None else jpeg(np.asarray(picture, np.uint8))


def contact_sheet(
    frames: Sequence[tuple[Told, int]], skeleton: Skeleton, *, columns: int, zoom: float
) -> Image:
    """The subject's squares of some frames, with what was found in them.

    Args:
        frames: clips and frame numbers in them.
        zoom: of the squares, as in training.
    """
    tiles = [_tile(told, number, skeleton, zoom) for told, number in frames]
    rows = -(-len(tiles) // columns)
    pitch = TILE + GAP
    sheet = np.full((rows * pitch - GAP, columns * pitch - GAP, 3), GROUND, np.uint8)
    for n, tile in enumerate(tiles):
        y, x = n // columns * pitch, n % columns * pitch
        sheet[y : y + TILE, x : x + TILE] = tile
    return sheet


def _tile(told: Told, number: int, skeleton: Skeleton, zoom: float) -> Image:
    roi = told.rois[number]
    shown = Roi(roi.x, roi.y, roi.size * zoom, roi.angle)
    tile = crop(told.images[number], shown, TILE)
    points = (to_crop(told.points_px[number], shown) + 1) * (TILE / 2) - 0.5
    return drawn(tile, points, skeleton)


def drawn(picture: Image, points: Points, skeleton: Skeleton) -> Image:
    """The skeleton over a picture, limbs in their colours with a dark rim; (K, 2) pixels."""
    large = np.asarray(
        cv2.resize(picture, None, fx=SHARP, fy=SHARP, interpolation=cv2.INTER_CUBIC), np.uint8
    )
    dense = len(skeleton.keypoints) > DENSE
    limb, joint = (6, 0) if dense else (9, 11)
    spots = _fixed((points + 0.5) * SHARP - 0.5, picture.shape[1] * SHARP)
    for rim in (5, 0):
        for own in skeleton.limbs:
            line = spots[list(own.path)]
            color = (18, 18, 18) if rim else own.rgb[::-1]
            cv2.polylines(large, [line], own.closed, color, limb + rim, cv2.LINE_AA, 4)
    for x, y in spots if joint else ():
        at = (int(x), int(y))
        cv2.circle(large, at, (joint + 3) * 16, (18, 18, 18), -1, cv2.LINE_AA, 4)
        cv2.circle(large, at, joint * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    small = cv2.resize(large, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _fixed(points: NDArray[np.floating], side: int) -> NDArray[np.int32]:
    """OpenCV's 1/16 pixel; nothing is drawn further away than the picture is large."""
    near = np.clip(np.nan_to_num(points), -side, 2 * side)
    return np.round(near * 16).astype(np.int32)
