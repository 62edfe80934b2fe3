"""The overlay: a frame with the pose, the tracker's square and the numbers of the loop on it."""

from dataclasses import dataclass
from itertools import groupby
from math import sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Points, Roi, to_frame
from engines.skeleton import Skeleton
from realtime.frame import Frame, Pose
from realtime.hud import STATE_BGR, WHITE, Hud, draw_notice
from realtime.strokes import FINE, Color, Paths, draw, draw_dots, draw_rimmed, fixed, rails
from realtime.timing import Timings

TIERS = (0.25, 0.5)  # confidences that separate faint, half and full strokes
DENSE = 30  # skeletons with more keypoints get smaller joints
ARM = 0.76  # crop space: where the strokes at the roi's corners end
BRACKETS = np.array(  # (4, 3, 2), crop space: the roi's corners
    [[[x, y * ARM], [x, y], [x * ARM, y]] for x in (-1, 1) for y in (-1, 1)], np.float32
)
BLACK = (16, 16, 16)


@dataclass(frozen=True)
class _Tier:
    """What is drawn with one strength: points by their numbers, paths, and each colour's paths."""

    joints: NDArray[np.intp]
    paths: Paths
    colors: list[tuple[Color, list[int]]]


class Overlay:
    """Draws poses of one skeleton. Widths are meant for 640 x 480 and grow with the picture."""

    def __init__(
        self,
        skeleton: Skeleton,
        *,
        caption: str = "",
        limb_px: float = 2.0,
        joint_px: float | None = None,
        hud: bool = True,
    ) -> None:
        """
        Args:
            caption: a line for the picture's edge, such as the engine's name.
            limb_px: width of the limbs.
            joint_px: diameter of the joints; None chooses by the number of keypoints.
            hud: print the state and the numbers on top of the picture.
        """
        self._hud = Hud(caption)
        self._with_hud = hud
        self._limb_px = limb_px
        dense = len(skeleton.keypoints) > DENSE
        self._joint_px = joint_px if joint_px is not None else limb_px + (1 if dense else 5)
        self._limbs = [(limb.rgb[::-1], limb.edges) for limb in skeleton.limbs]
        self._tiered = b""  # the tiers that `_tiers` was made for
        self._tiers: list[_Tier | None] = []

    @property
    def caption(self) -> str:
        """The line at the picture's edge; may be changed between two pictures."""
        return self._hud.caption

    @caption.setter
    def caption(self, text: str) -> None:
        self._hud.caption = text

    def draw(self, frame: Frame, pose: Pose, stats: Timings) -> Image:
        """A new picture (H, W, 3) uint8 BGR; the frame's own is only read."""
        picture = frame.image.copy()
        height, width = picture.shape[:2]
        scale = min(max(sqrt(width * height / (640 * 480)), 0.5), 4.0)
        if pose.keypoints_px is not None and pose.confidence is not None:
            self._draw_pose(picture, frame.image, pose.keypoints_px, pose.confidence, scale)
        if pose.roi is not None:
            _draw_brackets(picture, pose.roi, STATE_BGR[pose.state], max(round(1.5 * scale), 1))
        if self._with_hud:
            text_scale = min(max(scale, 0.8), width / 320)
            self._hud.draw(picture, pose.state, stats, text_scale)
            if stats.notice:
                draw_notice(picture, stats.notice, text_scale)
        return picture

    def _draw_pose(
        self, picture: Image, clean: Image, points: Points, confidence: Points, scale: float
    ) -> None:
        """Faint strokes first; each fading halves what was drawn before it."""
        limb = max(round(self._limb_px * scale), 1)
        joint = max(round(self._joint_px * scale), 1)
        rim = max(round(scale), 1)  # of black, both sides together
        drawn = False
        for tier in self._sort(confidence):
            if drawn:
                _fade(picture, clean, points, margin=joint + rim)
            if tier is None:
                continue
            drawn = True
            draw_rimmed(picture, points, tier.paths, tier.colors, limb, rim, BLACK)
            joints = points[tier.joints]
            if joint > limb + 2:
                draw_dots(picture, joints, BLACK, joint + rim)
            draw_dots(picture, joints, WHITE, joint)

    def _sort(self, confidence: Points) -> list[_Tier | None]:
        """What to draw, faintest first, None for nothing; kept while no point changes its tier."""
        tiers = sum((confidence >= least).view(np.uint8) for least in TIERS)
        assert isinstance(tiers, np.ndarray)
        if (key := tiers.tobytes()) != self._tiered:
            self._tiered = key
            self._tiers = [self._tier(tiers.tolist(), n) for n in range(len(TIERS) + 1)]
        return self._tiers

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


def _draw_brackets(picture: Image, roi: Roi, color: Color, width: int) -> None:
    if width > FINE:
        corners = list(fixed(to_frame(BRACKETS, roi)))
        draw(picture, corners, BLACK, width + 1)
        draw(picture, corners, color, width)
        return
    grown = (1 + np.array(rails(width, rim=1)) * 2 / roi.size).astype(np.float32)  # four squares
    inner, *middle, outer = fixed(to_frame(BRACKETS * grown[:, None, None, None], roi))
    draw(picture, [*inner, *outer], BLACK, 1)
    draw(picture, [*middle[0], *middle[1]], color, 1)


def _fade(picture: Image, clean: Image, points: Points, margin: int) -> None:
    """Halve what was drawn over `clean` around `points`."""
    height, width = picture.shape[:2]
    x0, y0 = np.clip(points.min(axis=0) - margin, 0, (width, height)).astype(int)
    x1, y1 = np.clip(points.max(axis=0) + margin + 1, 0, (width, height)).astype(int)
    if x1 > x0 and y1 > y0:
        patch = picture[y0:y1, x0:x1]
        cv2.addWeighted(patch, 0.5, clean[y0:y1, x0:x1], 0.5, 0, dst=patch)
