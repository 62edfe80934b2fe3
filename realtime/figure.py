"""One subject's pose on a canvas: limbs and joints, fainter where they are less sure."""

from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Points
from engines.skeleton import Skeleton
from realtime.canvas import Canvas, Patch
from realtime.hud import BLACK, WHITE
from realtime.strokes import Color, Paths, draw_dots, draw_rimmed
from realtime.style import Style

TIERS = (0.25, 0.5)  # confidences that separate faint, half and full strokes
DENSE = 30  # skeletons with more keypoints get smaller joints
KEPT = 64  # sortings of points into tiers that are remembered


@dataclass(frozen=True)
class _Tier:
    """What is drawn with one strength: points by their numbers, paths, and each colour's paths."""

    joints: NDArray[np.intp]
    paths: Paths
    colors: list[tuple[Color, list[int]]]


class Figure:
    """Draws poses of one skeleton."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._names = skeleton.keypoints
        self._limbs = [(limb.rgb[::-1], limb.edges) for limb in skeleton.limbs]
        self._sorted: dict[bytes, list[_Tier | None]] = {}

    def draw(
        self,
        canvas: Canvas,
        points: Points,
        confidence: Points,
        style: Style,
        scale: float,
        color: Color | None = None,
    ) -> None:
        """Draw one pose. Faint strokes come first; each fading halves what was drawn before it.

        Args:
            points: (K, 2), pixels of the canvas.
            scale: of all widths.
            color: of all limbs; None for each limb's own.
        """
        own_px = style.limb_px + (1 if len(self._names) > DENSE else 5)
        limb = max(round(style.limb_px * scale), 1)
        joint = max(round((own_px if style.joint_px is None else style.joint_px) * scale), 1)
        rim = max(round(scale), 1)  # of black, both sides together
        picture = canvas.picture
        tiers = self._sort(confidence)
        faint = any(tier is not None for tier in tiers[:-1])
        patch = Patch(picture, points, margin=joint + rim) if faint else None
        for number, tier in enumerate(tiers):
            if patch is not None and number:
                patch.fade()
            if tier is None:
                continue
            if style.limbs:
                every = range(len(tier.paths))
                colors = tier.colors if color is None else [(color, every)]
                draw_rimmed(picture, points, tier.paths, colors, limb, rim, BLACK)
            if style.joints:
                joints = points[tier.joints]
                if joint > limb + 2:
                    draw_dots(picture, joints, BLACK, joint + rim)
                lone = color if color is not None and not style.limbs else WHITE
                draw_dots(picture, joints, lone, joint)
        if style.names:
            write_names(picture, points, self._names, scale)

    def _sort(self, confidence: Points) -> list[_Tier | None]:
        """What to draw, faintest first, None for nothing; remembered per sorting into tiers."""
        tiers = sum((confidence >= least).view(np.uint8) for least in TIERS)
        assert isinstance(tiers, np.ndarray)
        key = tiers.tobytes()
        if key not in self._sorted:
            if len(self._sorted) == KEPT:
                self._sorted.clear()
            self._sorted[key] = [self._tier(tiers.tolist(), n) for n in range(len(TIERS) + 1)]
        return self._sorted[key]

    def _tier(self, tiers: list[int], number: int) -> _Tier | None:
        """Joints of this tier, and unbroken runs of edges whose weaker end is in it."""
        joints = [point for point, tier in enumerate(tiers) if tier == number]
        paths: list[list[int]] = []
        colors: dict[Color, list[int]] = {}
        for color, edges in self._limbs:
            for tier, run in groupby(edges, lambda edge: min(tiers[edge[0]], tiers[edge[1]])):
                if tier == number:
                    (start, first), *rest = run
                    colors.setdefault(color, []).append(len(paths))
                    paths.append([start, first, *(end for _, end in rest)])
        if not joints:
            return None  # then there is no edge either
        return _Tier(np.array(joints, np.intp), Paths(paths), list(colors.items()))


def write_names(picture: Image, points: Points, names: tuple[str, ...], scale: float) -> None:
    """Each keypoint's name to its right, on a dark rim."""
    height, width = picture.shape[:2]
    font, away = 0.35 * max(scale, 0.8), 5 * scale
    for name, (x, y) in zip(names, points.tolist(), strict=True):
        if -width < x < width and 0 <= y < 2 * height:
            at = (round(x + away), round(y + away / 2))
            for color, width_px in ((BLACK, 3), (WHITE, 1)):
                cv2.putText(
                    picture, name, at, cv2.FONT_HERSHEY_SIMPLEX, font, color, width_px, cv2.LINE_AA
                )
