"""Where the keypoints have just been: lines that fade with their age."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from engines.geometry import Points
from engines.skeleton import Skeleton
from realtime.canvas import Canvas, Patch
from realtime.frame import Frame, Pose
from realtime.hud import WHITE
from realtime.strokes import Color, draw, fixed

LONG_S = 0.8  # a trail
STEP_S = 0.04  # between two of its points, at least: at high rates some frames are left out
STRENGTHS = 3  # the oldest part is the faintest
WIDTH_PX = 1


class Trails:
    """The last places of every subject's keypoints, in frame pixels.

    A subject that is not found for as long as a trail has none any more.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        colors: dict[int, Color] = {}
        for limb in skeleton.limbs:
            for point in limb.path:
                colors.setdefault(point, limb.rgb[::-1])
        own = [colors.get(point, WHITE) for point in range(len(skeleton.keypoints))]
        self._colors = {color: [i for i, c in enumerate(own) if c == color] for color in set(own)}
        self._places: dict[int, deque[tuple[float, Points]]] = {}

    def add(self, frame: Frame, pose: Pose) -> None:
        """Note where everything is in the next frame; one seen before changes nothing."""
        now_s = frame.time_ns / 1e9
        for own in pose.subjects:
            assert own.keypoints_px is not None
            places = self._places.setdefault(own.id, deque())
            if places and now_s <= places[-1][0]:
                continue
            if len(places) > 1 and now_s - places[-2][0] < STEP_S:
                places.pop()
            places.append((now_s, own.keypoints_px))
        for number, places in list(self._places.items()):
            while places and places[0][0] < now_s - LONG_S:
                places.popleft()
            if not places:
                del self._places[number]

    def draw(
        self, canvas: Canvas, frame: Frame, scale: float, colors: dict[int, Color] | None = None
    ) -> None:
        """Draw what led to `frame`.

        Args:
            colors: of subjects by their ids; None for the skeleton's.
        """
        for number, places in self._places.items():
            past = [points for time_s, points in places if time_s <= frame.time_ns / 1e9]
            if len(past) > 1:
                color = None if colors is None else colors.get(number)
                track = canvas.place(np.stack(past))  # (T, K, 2)
                self._draw_one(canvas, track, max(round(WIDTH_PX * scale), 1), color)

    def _draw_one(self, canvas: Canvas, track: Points, width: int, color: Color | None) -> None:
        """Oldest part first; each fading halves what was drawn before it."""
        strokes = fixed(track).transpose(1, 0, 2)  # (K, T, 2)
        cuts = np.linspace(0, len(track) - 1, STRENGTHS + 1).round().astype(int)
        every = range(len(strokes))
        groups: list[tuple[Color, Sequence[int]]] = (
            list(self._colors.items()) if color is None else [(color, every)]
        )
        patch = Patch(canvas.picture, track, margin=width + 1)
        for part in range(STRENGTHS):
            if part:
                patch.fade()
            start, end = cuts[part], cuts[part + 1] + 1
            for shade, numbers in groups:
                lines = [np.ascontiguousarray(strokes[i, start:end]) for i in numbers]
                draw(canvas.picture, lines, shade, width)
