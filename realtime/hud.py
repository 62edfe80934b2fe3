"""The numbers of the loop on top of the picture, each in a place of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

import cv2
import numpy as np

from engines.geometry import Image, Roi
from realtime.frame import State
from realtime.strokes import Color, draw_dots
from realtime.timing import Timings

BLACK = (16, 16, 16)
WHITE, GREY, ALARM, RED = (255, 255, 255), (190, 190, 190), (90, 150, 255), (70, 70, 240)
KEY = (120, 220, 255)
STATE_BGR: dict[State, Color] = {
    State.TRACK: (120, 220, 90),
    State.COAST: (60, 190, 255),
    State.SEARCH: (255, 170, 90),
    State.LOST_CAMERA: ALARM,
}
DARK = 0.3  # of the picture's light is left under text
WIDEST = ("lost camera", "0000 fps", "age 00000 ms", "00000 dropped")  # each place's text, at most
WIDEST_TIMES = "crop 00.0  infer 00.0  track 00.0  draw 00.0 ms"
RECORDING = "REC"  # the flag with a dot
HOLD_S = 0.1  # for which rate and age are shown at least: they would flicker
GAP_PX = 16  # between two of them, at scale 1


STAGES = ("crop", "infer", "track", "process", "draw")  # whose times are shown


@dataclass(frozen=True)
class _Layout:
    """Where things are, pixels, for one width of the picture and one scale."""

    font: float
    row: int  # height of the first row
    bar: int  # height of all rows
    middle: int  # the first row's line of text
    places: tuple[slice, ...]  # columns of the texts in the first row
    below: tuple[int, int]  # left, bottom of the stages' times
    caption: tuple[int, int]  # left, bottom

    @classmethod
    def of(cls, width: int, scale: float, caption: str, *, stages: bool) -> "_Layout":
        font, left = 0.45 * scale, round(26 * scale)
        places = []
        for text in WIDEST:
            right = left + _text_width(text, font) + 2
            places.append(slice(left, right))
            left = right + round(GAP_PX * scale)
        row, middle, lower = round(26 * scale), round(17.5 * scale), round(18 * scale)
        start, wide = round(26 * scale), _text_width(caption, font)
        beside = width - round(10 * scale) - wide
        rows = 1 + stages  # the caption's own row is the first with room for it
        at = (beside, middle)
        if caption and beside <= left:
            times = _text_width(WIDEST_TIMES, font) + round(GAP_PX * scale) if stages else 0
            own = 1 if stages and beside > start + times else rows
            at = (max(beside, start) if own < rows else start, middle + own * lower)
            rows = max(rows, own + 1)
        bar = row + (rows - 1) * lower
        return cls(font, row, bar, middle, tuple(places), (start, middle + lower), at)


class Hud:
    """A darkened bar: state, fps, age of the frame, drops, the caption, and the stages' times.

    The bar is kept and only what changed is written anew.

    Attributes:
        caption: may be changed at any time.
    """

    def __init__(self, caption: str) -> None:
        self.caption = caption
        self._made_for: tuple[int, float, str, bool] | None = None
        self._texts: list[str] = []
        self._rate = self._age = self._times = ""
        self._written_times = ""
        self._read_s = -HOLD_S

    def draw(self, picture: Image, state: State, stats: Timings, scale: float) -> None:
        if (now := monotonic()) - self._read_s >= HOLD_S:
            self._read_s = now
            rate = 0.0 if state is State.LOST_CAMERA else stats.recent_fps
            self._rate, self._age = f"{rate:.0f} fps", f"age {stats.age_ms:.0f} ms"
            self._times = _times(stats)
        self._prepare(picture.shape[1], scale)
        texts = [state.value, self._rate, self._age, f"{stats.dropped} dropped"]
        if texts != self._texts:
            self._write(texts)
        if self._times != self._written_times:
            self._write_times()
        strip = picture[: len(self._bar)]
        cv2.addWeighted(strip, DARK, self._bar[: len(strip)], 1, 0, dst=strip)
        middle = np.full((1, 2), 13 * scale, np.float32)
        draw_dots(picture, middle, STATE_BGR[state], max(round(9 * scale), 1))

    def _prepare(self, width: int, scale: float) -> None:
        """An empty bar, where the picture has another size or caption than the one before."""
        made_for = (width, scale, self.caption, bool(self._times))
        if self._made_for == made_for:
            return
        self._made_for, self._texts, self._written_times = made_for, [""] * len(WIDEST), ""
        self._layout = _Layout.of(width, scale, self.caption, stages=bool(self._times))
        self._bar = np.zeros((self._layout.bar, width, 3), np.uint8)
        _write(self._bar, self.caption, self._layout.caption, self._layout.font, GREY)

    def _write(self, texts: list[str]) -> None:
        layout = self._layout
        first = self._bar[: layout.row]
        for text, before, place in zip(texts, self._texts, layout.places, strict=True):
            if text != before and place.start < first.shape[1]:
                own = first[:, place]
                own[:] = 0
                _write(own, text, (0, layout.middle), layout.font, WHITE)
        self._texts = texts

    def _write_times(self) -> None:
        layout = self._layout
        left, bottom = layout.below
        right = layout.caption[0] if layout.caption[1] == bottom else self._bar.shape[1]
        own = self._bar[layout.row : layout.row + bottom - layout.middle, left:right]
        own[:] = 0
        _write(own, self._times, (0, bottom - layout.row), layout.font, GREY)
        self._written_times = self._times


def draw_id(picture: Image, roi: Roi, number: int, scale: float) -> None:
    """A subject's number, at the left top of its square as far as that is in the picture."""
    font, half = 0.55 * scale, roi.size / 2
    left = min(max(round(roi.x - half), 2), picture.shape[1] - round(14 * scale))
    bottom = min(max(round(roi.y - half - 4 * scale), round(44 * scale)), picture.shape[0] - 4)
    at, text = (left, bottom), str(number)
    around = max(round(3 * scale), 2)
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, font, BLACK, around, cv2.LINE_AA)
    _write(picture, text, at, font, WHITE)


def draw_foot(picture: Image, flags: Sequence[str], notice: str, scale: float) -> None:
    """A darkened bar at the bottom: what is switched on, and what the user must not miss."""
    strip = picture[max(picture.shape[0] - round(26 * scale), 0) :]
    cv2.convertScaleAbs(strip, dst=strip, alpha=DARK)
    left, bottom, font = round(10 * scale), picture.shape[0] - round(8.5 * scale), 0.45 * scale
    for flag in flags:
        color = RED if flag == RECORDING else WHITE
        if flag == RECORDING:
            dot = np.array([[left + 5 * scale, bottom - 4.5 * scale]], np.float32)
            draw_dots(picture, dot, RED, max(round(10 * scale), 1))
            left += round(15 * scale)
        _write(picture, flag, (left, bottom), font, color)
        left += _text_width(flag, font) + round(GAP_PX * scale)
    _write(picture, notice, (left, bottom), font, ALARM)


def draw_keys(picture: Image, keys: Mapping[str, str], scale: float) -> None:
    """A darkened panel with the keys and what they do, in the middle."""
    font, step, edge = 0.45 * scale, 20 * scale, 14 * scale
    first = max(_text_width(key, font) for key in keys) + GAP_PX * scale
    wide = first + max(_text_width(text, font) for text in keys.values()) + 2 * edge
    high = step * len(keys) + 2 * edge - 0.5 * step
    height, width = picture.shape[:2]
    x, y = max((width - wide) / 2, 0), max((height - high) / 2, 0)
    panel = picture[round(y) : round(y + high), round(x) : round(x + wide)]
    cv2.convertScaleAbs(panel, dst=panel, alpha=DARK / 2)
    for number, (key, text) in enumerate(keys.items()):
        bottom = round(edge + step * (number + 0.5))
        _write(panel, key, (round(edge), bottom), font, KEY)
        _write(panel, text, (round(edge + first), bottom), font, WHITE)


def _times(stats: Timings) -> str:
    """Milliseconds of each stage that was measured."""
    recent = stats.recent_ms()
    parts = [f"{stage} {recent[stage]:.1f}" for stage in STAGES if stage in recent]
    return "  ".join(parts) + " ms" if parts else ""


def _text_width(text: str, font: float) -> int:
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, font, 1)[0][0]


def _write(picture: Image, text: str, at: tuple[int, int], font: float, color: Color) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, font, color, 1, cv2.LINE_AA)
