import numpy as np
import pytest

from realtime import hud
from realtime.frame import State
from realtime.hud import DARK, Hud
from realtime.timing import Timings


class Fast(Timings):
    """Another rate and age at every look."""

    looks = 0

    @property
    def recent_fps(self) -> float:
        Fast.looks += 1
        return 100.0 + Fast.looks

    @property
    def age_ms(self) -> float:
        return 3.0


def drawn(own: Hud, state: State, stats: Timings, light: int = 200) -> np.ndarray:
    picture = np.full((480, 640, 3), light, np.uint8)
    own.draw(picture, state, stats, 1.0)
    return picture


def test_the_bar_is_dark_and_nothing_below_it_is_touched() -> None:
    picture = drawn(Hud("engine"), State.TRACK, Timings())
    assert (picture[26:] == 200).all()
    assert picture[:26].min() == round(200 * DARK)
    assert picture[:26].max() == 255


def test_rate_and_age_are_held_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(hud, "monotonic", lambda: now[0])
    own, stats = Hud(""), Fast()
    first = drawn(own, State.TRACK, stats)
    now[0] += hud.HOLD_S / 2
    np.testing.assert_array_equal(drawn(own, State.TRACK, stats), first)
    now[0] += hud.HOLD_S
    assert (drawn(own, State.TRACK, stats) != first).any()


def test_drops_and_state_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hud, "monotonic", lambda: 100.0)
    own, stats = Hud(""), Timings()
    first = drawn(own, State.TRACK, stats)
    stats.dropped = 3
    second = drawn(own, State.TRACK, stats)
    assert (second != first).any()
    assert (drawn(own, State.SEARCH, stats) != second).any()


@pytest.mark.parametrize("light", [0, 120, 255])
def test_the_dot_has_the_colour_of_the_state_whatever_lies_below(light: int) -> None:
    for state, color in hud.STATE_BGR.items():
        assert tuple(drawn(Hud(""), state, Timings(), light)[13, 13].tolist()) == color


def test_a_long_text_stays_in_its_place() -> None:
    """It must not run into the next one."""
    own, stats = Hud(""), Timings()
    stats.dropped = 10**30
    picture = drawn(own, State.TRACK, stats, light=0)
    assert not picture[:26, own._layout.places[-1].stop :].any()


@pytest.mark.parametrize("width", [16, 64, 200, 640, 4000])
def test_any_width_will_do(width: int) -> None:
    picture = np.full((300, width, 3), 90, np.uint8)
    Hud("a caption that is rather long").draw(picture, State.COAST, Timings(), 0.8)
    assert (picture[:20] != 90).any()


class Still(Timings):
    """Timings at which rate and age never change."""

    recent_fps = 30.0
    age_ms = 3.0


def timed(stats: Timings) -> Timings:
    for stage, milliseconds in (("crop", 0.1), ("infer", 1.2), ("draw", 0.4)):
        stats.add(stage, milliseconds)
    return stats


@pytest.mark.parametrize("caption", ["", "engine", "onnxruntime 1.28.0 cpu, 1 thread" * 2])
def test_the_stages_have_a_row_of_their_own(caption: str) -> None:
    own = Hud(caption)
    plain = drawn(Hud(""), State.TRACK, Still(), light=0)
    picture = drawn(own, State.TRACK, timed(Still(warmup=0)), light=0)
    np.testing.assert_array_equal(picture[:26, :400], plain[:26, :400])
    assert picture[26:44, 26:200].any()
    times = own._layout.below[1]
    assert not caption or own._layout.caption[1] != times or own._layout.caption[0] > 250


def test_the_foot_keeps_flags_and_notice_apart() -> None:
    words = []
    for flags, notice in (((), "disk full"), (("REC",), ""), (("REC", "RAW"), "disk full")):
        picture = np.full((480, 640, 3), 200, np.uint8)
        hud.draw_foot(picture, flags, notice, 1.0)
        assert (picture[:454] == 200).all()
        words.append(picture)
    alone, flag, both = words
    assert (both[454:, :40] == flag[454:, :40]).all()
    assert not (both[454:] == alone[454:]).all()
