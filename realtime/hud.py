"""The numbers of the loop on top of the picture, each in a place of its own."""

from dataclasses import dataclass
from time import monotonic

import cv2
import numpy as np

from engines.geometry import Image
from realtime.frame import State
from realtime.strokes import Color, draw_dots
from realtime.timing import Timings

WHITE, GREY, ALARM = (255, 255, 255), (190, 190, 190), (90, 150, 255)
STATE_BGR: dict[State, Color] = {
    State.TRACK: (120, 220, 90),
    State.COAST: (60, 190, 255),
    State.SEARCH: (255, 170, 90),
}
DARK = 0.3  # of the picture's light is left under text
WIDEST = ("search", "0000 fps", "age 00000 ms", "00000 dropped")  # each place's text, at most
HOLD_S = 0.1  # for which rate and age are shown at least: they would flicker
GAP_PX = 16  # between two of them, at scale 1


@dataclass(frozen=True)
class _Layout:
    """Where things are, pixels, for one width of the picture and one scale."""

    font: float
    bar: int  # height
    middle: int  # the first line of text
    places: tuple[slice, ...]  # columns of the texts
    caption: tuple[int, int]  # left, bottom

    @classmethod
    def of(cls, width: int, scale: float, caption: str) -> "_Layout":
        font, left = 0.45 * scale, round(26 * scale)
        places = []
        for text in WIDEST:
            right = left + _text_width(text, font) + 2
            places.append(slice(left, right))
            left = right + round(GAP_PX * scale)
        bar, middle, below = round(26 * scale), round(17.5 * scale), round(18 * scale)
        beside = width - round(10 * scale) - _text_width(caption, font)
        if beside > left or not caption:
            return cls(font, bar, middle, tuple(places), (beside, middle))
        return cls(font, bar + below, middle, tuple(places), (round(26 * scale), middle + below))


class Hud:
    """A darkened bar: state, fps, age of the frame, drops, and the caption where it fits.

    The bar is kept and only what changed is written anew.

    Attributes:
        caption: may be changed at any time.
    """

    def __init__(self, caption: str) -> None:
        self.caption = caption
        self._made_for: tuple[int, float, str] | None = None
        self._texts: list[str] = []
        self._rate = self._age = ""
        self._read_s = -HOLD_S

    def draw(self, picture: Image, state: State, stats: Timings, scale: float) -> None:
        self._prepare(picture.shape[1], scale)
        if (now := monotonic()) - self._read_s >= HOLD_S:
            self._read_s = now
            self._rate, self._age = f"{stats.recent_fps:.0f} fps", f"age {stats.age_ms:.0f} ms"
        texts = [state.value, self._rate, self._age, f"{stats.dropped} dropped"]
        if texts != self._texts:
            self._write(texts, scale)
        strip = picture[: len(self._bar)]
        cv2.addWeighted(strip, DARK, self._bar[: len(strip)], 1, 0, dst=strip)
        middle = np.full((1, 2), 13 * scale, np.float32)
        draw_dots(picture, middle, STATE_BGR[state], max(round(9 * scale), 1))

    def _prepare(self, width: int, scale: float) -> None:
        """An empty bar, where the picture has another size or caption than the one before."""
        if self._made_for == (width, scale, self.caption):
            return
        self._made_for, self._texts = (width, scale, self.caption), [""] * len(WIDEST)
        self._layout = _Layout.of(width, scale, self.caption)
        self._bar = np.zeros((self._layout.bar, width, 3), np.uint8)
        _write(self._bar, self.caption, self._layout.caption, self._layout.font, GREY)

    def _write(self, texts: list[str], scale: float) -> None:
        layout = self._layout
        first = self._bar[: round(26 * scale)]
        for text, before, place in zip(texts, self._texts, layout.places, strict=True):
            if text != before and place.start < first.shape[1]:
                own = first[:, place]
                own[:] = 0
                _write(own, text, (0, layout.middle), layout.font, WHITE)
        self._texts = texts


def draw_notice(picture: Image, notice: str, scale: float) -> None:
    """A darkened bar at the bottom, with something the user must not miss."""
    strip = picture[max(picture.shape[0] - round(26 * scale), 0) :]
    cv2.convertScaleAbs(strip, dst=strip, alpha=DARK)
    at = (round(10 * scale), picture.shape[0] - round(8.5 * scale))
    _write(picture, notice, at, 0.45 * scale, ALARM)


def _text_width(text: str, font: float) -> int:
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, font, 1)[0][0]


def _write(picture: Image, text: str, at: tuple[int, int], font: float, color: Color) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, font, color, 1, cv2.LINE_AA)
