from realtime.feed import OLDEST_NS, stamp


def test_a_cameras_own_time_counts_if_it_can_be_true():
    now = 10**12
    assert stamp(now - 5e6, now) == now - 5_000_000
    assert stamp(now, now) == now
    for wrong in (None, 0.0, now + 1e6, now - OLDEST_NS - 1e6, float("nan"), float("inf"), -1.0):
        assert stamp(wrong, now) == now
