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
