"""The overlay: a frame with its poses, the tracker's squares and the numbers of the loop on it."""

from collections.abc import Mapping
from math import sqrt

import numpy as np

from engines.geometry import Image, Points, Roi, to_frame
from engines.skeleton import Skeleton
from realtime.canvas import Canvas, fitting
from realtime.controls import Settings
from realtime.figure import Figure
from realtime.frame import Frame, Pose
from realtime.hud import BLACK, RECORDING, STATE_BGR, Hud, draw_foot, draw_id, draw_keys
from realtime.shrink import Shrinker
from realtime.strokes import FINE, Color, draw, fixed, rails
from realtime.style import Style
from realtime.timing import Timings
from realtime.trails import Trails

ARM = 0.76  # crop space: where the strokes at the roi's corners end
BRACKETS = np.array(  # (4, 3, 2), crop space: the roi's corners
    [[[x, y * ARM], [x, y], [x * ARM, y]] for x in (-1, 1) for y in (-1, 1)], np.float32
)
SUBJECTS_BGR: tuple[Color, ...] = (  # of subjects by their ids, where they are told apart
    (0, 159, 230), (233, 180, 86), (115, 158, 0), (66, 228, 240),
    (178, 114, 0), (0, 94, 213), (167, 121, 204),
)  # fmt: skip


class Overlay:
    """Draws poses of one skeleton. Widths are meant for 640 x 480 and grow with the picture."""

    def __init__(
        self, skeleton: Skeleton, *, caption: str = "", settings: Settings | None = None
    ) -> None:
        """
        Args:
            caption: a line for the picture's edge, such as the engine's name.
            settings: where `draw` is not told others.
        """
        self._hud = Hud(caption)
        self._settings = settings or Settings()
        self._figure = Figure(skeleton)
        self._trails = Trails(skeleton)
        self._shrinker = Shrinker()

    @property
    def caption(self) -> str:
        """The line at the picture's edge; may be changed between two pictures."""
        return self._hud.caption

    @caption.setter
    def caption(self, text: str) -> None:
        self._hud.caption = text

    def prepare(self, frame: Frame, settings: Settings, room: tuple[int, int]) -> None:
        """Begin with what can be done before the pose is known, on another thread."""
        height, width = frame.image.shape[:2]
        if not settings.style.black:
            self._shrinker.begin(frame.image, fitting((width, height), room))

    def draw(
        self,
        frame: Frame,
        pose: Pose,
        stats: Timings,
        settings: Settings | None = None,
        *,
        room: tuple[int, int] | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> Image:
        """A new picture (h, w, 3) uint8 BGR; the frame's own is only read.

        Args:
            settings: style, mirror, and whether raw keypoints are drawn.
            room: (width, height) that is shown at most; nothing is drawn on more pixels. None for
                a picture of the frame's size.
            keys: key -> what it does, shown where the settings ask for help.
        """
        own = settings or self._settings
        style = own.style
        canvas = Canvas(
            frame.image,
            room=room,
            mirrored=own.mirrored,
            black=style.black,
            shrinker=self._shrinker,
        )
        height, width = canvas.picture.shape[:2]
        scale = min(max(sqrt(width * height / (640 * 480)), 0.5), 4.0)
        if style.trails:
            self._trails.add(frame, pose)
            self._trails.draw(canvas, frame, scale, _colors(pose, style))
        self._draw_poses(canvas, pose, own, scale)
        text_scale = min(max(scale, 0.8), width / 320)
        if style.hud:
            self._hud.draw(canvas.picture, pose.state, stats, text_scale)
        if (flags := _flags(own, pose)) or (style.hud and stats.notice):
            draw_foot(canvas.picture, flags, stats.notice, text_scale)
        if own.help and keys:
            draw_keys(canvas.picture, keys, text_scale)
        return canvas.picture

    def _draw_poses(self, canvas: Canvas, pose: Pose, own: Settings, scale: float) -> None:
        colors = _colors(pose, own.style) or {}
        for one in pose.subjects:
            assert one.confidence is not None
            points = canvas.place(shown(one, raw=own.raw))
            color = colors.get(one.id)
            self._figure.draw(canvas, points, one.confidence, own.style, scale, color)
        for one in (pose, *pose.others):
            if one.roi is not None and own.style.square:
                width = max(round(1.5 * scale), 1)
                _draw_brackets(
                    canvas.picture, canvas.place_roi(one.roi), STATE_BGR[one.state], width
                )
        if own.style.hud and (pose.others or pose.id):
            for one in pose.subjects:
                if one.roi is not None:
                    draw_id(canvas.picture, canvas.place_roi(one.roi), one.id, scale)


def shown(pose: Pose, *, raw: bool) -> Points:
    """The keypoints (K, 2) to draw of a pose that was found, frame pixels."""
    smoothed = pose.keypoints_px if pose.predicted_px is None else pose.predicted_px
    points = pose.raw_px if raw else smoothed
    assert points is not None
    return points


def _colors(pose: Pose, style: Style) -> dict[int, Color] | None:
    """Colours of whole subjects by their ids; None where limbs have their own."""
    if style.by_subject:
        return {one.id: SUBJECTS_BGR[one.id % len(SUBJECTS_BGR)] for one in pose.subjects}
    if style.color is not None:
        return dict.fromkeys((one.id for one in pose.subjects), style.color)
    return None


def _flags(settings: Settings, pose: Pose) -> tuple[str, ...]:
    """What is not as usual and would be missed."""
    ahead = not settings.raw and any(own.predicted_px is not None for own in pose.subjects)
    flags = {
        RECORDING: settings.recording is not None,
        "PAUSED": settings.paused,
        "RAW": settings.raw,
        "PREDICTED": ahead,
        "MIRROR": settings.mirrored,
    }
    return tuple(text for text, on in flags.items() if on)


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
