"""The overlay: a frame with the pose, the tracker's square and the numbers of the loop on it."""

from itertools import groupby
from math import sqrt
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Points, Roi, to_frame
from engines.skeleton import Skeleton
from realtime.frame import Frame, Pose, State
from realtime.timing import Timings

SHIFT = 4  # coordinates are handed to OpenCV in 1/16 pixel
TIERS = (0.25, 0.5)  # confidences that separate faint, half and full strokes
DENSE = 30  # skeletons with more keypoints get smaller joints
ARM = 0.76  # crop space: where the strokes at the roi's corners end
BRACKETS = np.array(  # (4, 3, 2), crop space: the roi's corners
    [[[x, y * ARM], [x, y], [x * ARM, y]] for x in (-1, 1) for y in (-1, 1)], np.float32
)
FAR_PX = 1e5  # nothing beyond is handed to OpenCV
BLACK, WHITE, GREY = (16, 16, 16), (255, 255, 255), (190, 190, 190)
ALARM = (90, 150, 255)
STATE_BGR = {
    State.TRACK: (120, 220, 90),
    State.COAST: (60, 190, 255),
    State.SEARCH: (255, 170, 90),
}

_Stroke: TypeAlias = NDArray[np.int32]  # (n, 2), 1/16 pixel
_Color: TypeAlias = tuple[int, ...]  # BGR


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
        self.caption = caption
        self.hud = hud
        self._limb_px = limb_px
        dense = len(skeleton.keypoints) > DENSE
        self._joint_px = joint_px if joint_px is not None else limb_px + (1 if dense else 5)
        self._limbs = [(limb.rgb[::-1], limb.edges) for limb in skeleton.limbs]

    def draw(self, frame: Frame, pose: Pose, stats: Timings) -> Image:
        """A new picture (H, W, 3) uint8 BGR; the frame's own is only read."""
        picture = frame.image.copy()
        height, width = picture.shape[:2]
        scale = min(max(sqrt(width * height / (640 * 480)), 0.5), 4.0)
        if pose.keypoints_px is not None and pose.confidence is not None:
            self._draw_pose(picture, frame.image, pose.keypoints_px, pose.confidence, scale)
        if pose.roi is not None:
            _draw_brackets(picture, pose.roi, STATE_BGR[pose.state], max(round(1.5 * scale), 1))
        if self.hud:
            self._draw_hud(picture, pose.state, stats, min(max(scale, 0.8), width / 320))
            if stats.notice:
                _draw_notice(picture, stats.notice, min(max(scale, 0.8), width / 320))
        return picture

    def _draw_pose(
        self, picture: Image, clean: Image, points: Points, confidence: Points, scale: float
    ) -> None:
        """Faint strokes first; each fading halves what was drawn before it."""
        tiers = np.searchsorted(TIERS, confidence, side="right")
        fixed = _fixed(points)
        dots = np.repeat(fixed[:, None], 2, axis=1)  # strokes of no length: round dots
        strokes = self._strokes(fixed, tiers.tolist())
        limb = max(round(self._limb_px * scale), 1)
        joint = max(round(self._joint_px * scale), 1)
        rim = max(round(scale), 1)  # of black, both sides together
        for tier, by_color in enumerate(strokes):
            if tier > tiers.min():
                _fade(picture, clean, points, margin=joint + rim)
            _draw(
                picture, [line for lines in by_color.values() for line in lines], BLACK, limb + rim
            )
            for color, lines in by_color.items():
                _draw(picture, lines, color, limb)
            joints = list(dots[tiers == tier])
            if joint > limb + 2:
                _draw(picture, joints, BLACK, joint + rim)
            _draw(picture, joints, WHITE, joint)

    def _strokes(self, fixed: _Stroke, tiers: list[int]) -> list[dict[_Color, list[_Stroke]]]:
        """Per tier and colour, unbroken runs of edges whose weaker end is in that tier."""
        strokes: list[dict[_Color, list[_Stroke]]] = [{} for _ in range(len(TIERS) + 1)]
        for color, edges in self._limbs:
            for tier, run in groupby(edges, lambda edge: min(tiers[edge[0]], tiers[edge[1]])):
                (start, first), *rest = run
                path = [start, first, *(end for _, end in rest)]
                strokes[tier].setdefault(color, []).append(fixed[path])
        return strokes

    def _draw_hud(self, picture: Image, state: State, stats: Timings, scale: float) -> None:
        """A darkened bar: state, fps, age of the frame, drops, and the caption where it fits."""
        bar, font = round(26 * scale), 0.45 * scale
        left, middle, right = round(26 * scale), round(17.5 * scale), picture.shape[1]
        text = (
            f"{state.value}    {stats.recent_fps:.0f} fps    age {stats.age_ms:.0f} ms"
            f"    {stats.dropped} dropped"
        )
        text_end = left + _text_width(text, font)
        caption_left = right - round(10 * scale) - _text_width(self.caption, font)
        fits = caption_left > text_end + round(16 * scale)
        strip = picture[: bar if fits or not self.caption else bar + round(18 * scale)]
        cv2.convertScaleAbs(strip, dst=strip, alpha=0.3)
        dot = _fixed(np.array([[[13 * scale, 13 * scale]] * 2], np.float32))
        _draw(picture, list(dot), STATE_BGR[state], max(round(9 * scale), 1))
        _write(picture, text, (left, middle), font, WHITE)
        at = (caption_left, middle) if fits else (left, middle + round(18 * scale))
        _write(picture, self.caption, at, font, GREY)


def _draw_notice(picture: Image, notice: str, scale: float) -> None:
    """A darkened bar at the bottom, with something the user must not miss."""
    strip = picture[max(picture.shape[0] - round(26 * scale), 0) :]
    cv2.convertScaleAbs(strip, dst=strip, alpha=0.3)
    at = (round(10 * scale), picture.shape[0] - round(8.5 * scale))
    _write(picture, notice, at, 0.45 * scale, ALARM)


def _fixed(points: Points) -> _Stroke:
    """Frame pixels to OpenCV's 1/16 pixel."""
    return np.rint(np.clip(points, -FAR_PX, FAR_PX) * (1 << SHIFT)).astype(np.int32)


def _draw(picture: Image, lines: list[_Stroke], color: _Color, width: int) -> None:
    if lines:
        cv2.polylines(picture, lines, False, color, width, cv2.LINE_AA, SHIFT)  # noqa: FBT003


def _draw_brackets(picture: Image, roi: Roi, color: _Color, width: int) -> None:
    lines = list(_fixed(to_frame(BRACKETS, roi)))
    _draw(picture, lines, BLACK, width + 1)
    _draw(picture, lines, color, width)


def _fade(picture: Image, clean: Image, points: Points, margin: int) -> None:
    """Halve what was drawn over `clean` around `points`."""
    height, width = picture.shape[:2]
    x0, y0 = np.clip(points.min(axis=0) - margin, 0, (width, height)).astype(int)
    x1, y1 = np.clip(points.max(axis=0) + margin + 1, 0, (width, height)).astype(int)
    if x1 > x0 and y1 > y0:
        patch = picture[y0:y1, x0:x1]
        cv2.addWeighted(patch, 0.5, clean[y0:y1, x0:x1], 0.5, 0, dst=patch)


def _text_width(text: str, font: float) -> int:
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, font, 1)[0][0]


def _write(picture: Image, text: str, at: tuple[int, int], font: float, color: _Color) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, font, color, 1, cv2.LINE_AA)
