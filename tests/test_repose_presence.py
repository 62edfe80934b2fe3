import pytest

from realtime.repose.presence import FADE_S, HOLD_S, RETURN_S, Presence


def smooth(way):
    return way**2 * (3 - 2 * way)


def there(presence, start_s, end_s=None):
    """Somebody is there from `start_s` until fully present."""
    presence.update(there=True, time_s=start_s)
    return presence.update(there=True, time_s=end_s or start_s + RETURN_S)


def test_who_appears_takes_over_in_a_moment():
    presence = Presence()
    assert presence.update(there=True, time_s=5) == 0
    assert presence.update(there=True, time_s=5 + RETURN_S / 2) == pytest.approx(0.5)
    assert presence.update(there=True, time_s=5 + 2 * RETURN_S) == 1


@pytest.mark.parametrize("frames", [1, 7, 100])
def test_who_is_lost_is_held_then_fades_however_many_frames_there_are(frames):
    presence = Presence()
    assert there(presence, 0) == 1
    gone_s = RETURN_S
    assert presence.update(there=False, time_s=gone_s + HOLD_S) == 1
    for frame in range(1, frames + 1):
        time_s = gone_s + HOLD_S + FADE_S / 4 * frame / frames
        last = presence.update(there=False, time_s=time_s)
    assert last == pytest.approx(smooth(0.75))
    assert presence.update(there=False, time_s=gone_s + HOLD_S + FADE_S + 1) == 0


def test_the_hold_may_lie_within_one_long_frame():
    presence = Presence()
    there(presence, 0)
    assert presence.update(there=False, time_s=RETURN_S + HOLD_S + FADE_S / 2) == pytest.approx(0.5)


def test_a_short_loss_is_not_seen_and_a_return_goes_on_from_where_it_was():
    presence = Presence()
    there(presence, 0)
    assert presence.update(there=False, time_s=RETURN_S + HOLD_S / 2) == 1
    assert presence.update(there=True, time_s=RETURN_S + HOLD_S) == 1
    gone_s = RETURN_S + HOLD_S
    assert presence.update(there=False, time_s=gone_s + HOLD_S + FADE_S / 2) == pytest.approx(0.5)
    back_s = gone_s + HOLD_S + FADE_S / 2 + RETURN_S / 4
    assert presence.update(there=True, time_s=back_s) == pytest.approx(smooth(0.75))


def test_nobody_was_ever_there_and_time_that_stands_still():
    presence = Presence()
    assert [presence.update(there=False, time_s=time_s) for time_s in (0, 9, 9)] == [0, 0, 0]
    presence.update(there=True, time_s=9)
    assert presence.update(there=True, time_s=3) == 0  # another clock: nothing runs backwards
    presence.reset()
    assert presence.update(there=True, time_s=1) == 0
